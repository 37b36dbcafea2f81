/** What a profile says of mixtures: how their experts are used. */
import { z } from "zod";
import { perLayer } from "./provenance.ts";

/** By layer [L] and sample; null for a layer without a mixture. */
const sumsForm = z.array(
  z.array(z.object({
    load: z.array(z.int().nonnegative()),
    entropy: z.number(),
    tokens: z.int().positive(),
  })).nullable(),
);
/** Sums of what routers did. */
export type RoutingSums = z.infer<typeof sumsForm>;

/** The use of experts, by layer [L]; null for a layer without a mixture, or whose mixture is dropped. */
export const mixturesForm = z.object({
  sums: sumsForm,
  /** Share of all choices that each expert has [X]. */
  load: z.array(z.array(z.number()).nullable()),
  /** Mean entropy of the softmax of the router's logits over all experts, nats. */
  entropy: perLayer,
  /** Share of the experts that no token chose. */
  unused: perLayer,
});
/** The use of experts. */
export type Mixtures = z.infer<typeof mixturesForm>;

/** The means of sums; nothing where no layer has a mixture. */
export function mixturesOf(sums: RoutingSums | undefined): { mixtures: Mixtures } | Record<never, never> {
  if (!sums?.some((layer) => layer !== null)) return {};
  const counts = sums.map((samples) =>
    samples &&
    samples.reduce<number[]>((all, { load }) => load.map((count, e) => count + (all[e] ?? 0)), [])
  );
  const total = (samples: NonNullable<RoutingSums[number]>, key: "entropy" | "tokens") =>
    samples.reduce((sum, sample) => sum + sample[key], 0);
  return {
    mixtures: {
      sums,
      load: counts.map((layer) => {
        const all = layer?.reduce((a, b) => a + b, 0);
        return layer && layer.map((count) => count / all!);
      }),
      entropy: sums.map((samples) => samples && total(samples, "entropy") / total(samples, "tokens")),
      unused: counts.map((layer) => layer && layer.filter((count) => count === 0).length / layer.length),
    },
  };
}
