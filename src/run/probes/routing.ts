/** The routing probe, by layer and sample: the load of each expert and the entropy of the choice. */
import { type RoutingSums, sumRouting } from "../../measure/mod.ts";
import { type LayerSpec, routed } from "../../models/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";

/** A probe of what plan number `plan` shows; read `sums` after the run, null for a layer whose mixture was not run. */
export function routingProbe(
  layers: readonly LayerSpec[],
  plan = 0,
): Probe & { readonly sums: (RoutingSums[] | null)[] } {
  const sums: (RoutingSums[] | null)[] = layers.map(() => null);
  return {
    sums,
    only: [plan],
    router: ({ logits }) => ({ "routing.logits": logits }),
    observeRouter(seen) {
      const { layer, first, length, chosen } = seen;
      const mixture = routed(layers[layer].mlp);
      if (!mixture) return;
      const { experts, top } = mixture;
      const samples = sums[layer] ??= [];
      const choices = length * top;
      samplesIn(seen, "routing.logits").forEach((logits, i) =>
        samples[first + i] = sumRouting(logits, chosen.subarray(i * choices, (i + 1) * choices), experts)
      );
    },
  };
}
