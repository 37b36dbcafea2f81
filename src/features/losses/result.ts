/** How well a model predicts a text under a plan. */
import { z } from "zod";
import { depends, head, kind, type Provenance, provenanceForm, sharedForm, summed } from "core/result/mod.ts";
import { displayable, sum } from "core/entry/mod.ts";
import { standardError } from "core/measure/mod.ts";

/** How well a text is predicted. */
export const qualityForm = {
  /** Nats per predicted token. */
  nll: z.number(),
  /** Standard error of the nll, over samples. */
  standardError: z.number().nullable(),
  perplexity: z.number(),
  /** KL(p_full ‖ p_drop), nats per predicted token. */
  kl: z.number(),
  /** Top-1 agreement: share of positions whose most probable token is the full model's. */
  top1: z.number(),
};

export const perplexityKind = kind("perplexity", { method: 1, merges: true, origin: depends() }, {
  provenance: provenanceForm,
  ...qualityForm,
  /** Predicted tokens: T − 1 per sample. */
  tokens: z.int().positive(),
  /** By sample. */
  sums: z.array(z.object({ nll: z.number(), kl: z.number(), top1: z.number(), tokens: z.number() })),
  /** What the text shares with the plan's calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** How well a model predicts a text under a plan, compared with the full model. */
export type Perplexity = z.infer<typeof perplexityKind.form>;

export function perplexityOf(provenance: Provenance, sums: Perplexity["sums"]): Perplexity {
  const tokens = sum(sums, ({ tokens }) => tokens);
  const nll = sum(sums, ({ nll }) => nll) / tokens;
  return displayable({
    ...head(perplexityKind),
    provenance,
    nll,
    standardError: standardError(sums.map((sample) => sample.nll / sample.tokens)),
    perplexity: Math.min(Math.exp(nll), Number.MAX_VALUE), // JSON has no infinity
    kl: sum(sums, ({ kl }) => kl) / tokens,
    top1: sum(sums, ({ top1 }) => top1) / tokens,
    tokens,
    sums,
  });
}

export const perplexitySums = summed<Pick<Perplexity, "provenance">, Pick<Perplexity, "sums">, Perplexity>({
  kind: perplexityKind,
  join: (parts) => ({ sums: parts.flatMap(({ sums }) => sums) }),
  from: ({ provenance }, { sums }) => perplexityOf(provenance, sums),
});
