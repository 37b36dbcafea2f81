/** How well a model predicts a text under a plan. */
import { z } from "zod";
import {
  depends,
  dropForm,
  endsForm,
  head,
  indices,
  kind,
  type Provenance,
  provenanceForm,
  sharedForm,
  summed,
} from "core/result/mod.ts";
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

/** By sample. */
const sumsForm = z.array(z.object({ nll: z.number(), kl: z.number(), top1: z.number(), tokens: z.number() }));

export const perplexityKind = kind("perplexity", { method: 1, merges: true, origin: depends() }, {
  provenance: provenanceForm,
  ...qualityForm,
  /** Predicted tokens: T − 1 per sample. */
  tokens: z.int().positive(),
  sums: sumsForm,
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

/** Where values without context come from. */
export const VALUE_SOURCES = ["token", "embedding", "mean"] as const;
const changeForm = z.object({
  /** Where the values come from. */
  from: z.enum(VALUE_SOURCES),
  /** The layers that were changed together. */
  layers: indices,
});

export const contextLossKind = kind("context-loss", { method: 1, origin: depends("change") }, {
  provenance: provenanceForm,
  /** The change; null for none. Values from the embedding depend on no other text. */
  change: changeForm.extend({
    keep: z.int().nonnegative(),
    calibration: provenanceForm.nullable(),
  }).nullable(),
  sums: sumsForm,
});
/** The losses where values know no context, as they are kept while all of them are measured. */
export type ContextLoss = z.infer<typeof contextLossKind.form>;

export const contextKind = kind("context", {
  method: 1,
  origin: ({ provenance, calibration, keep, rises }: ContextRequest) => (
    { ...provenance, calibration, keep, changes: rises.map(({ from, layers }) => ({ from, layers })) }
  ),
}, {
  /** The model, the text that the losses are measured on, and what computed them. */
  provenance: provenanceForm,
  /** The text that means are taken over. */
  calibration: provenanceForm,
  /** First tokens of each sample that kept their own values. */
  keep: z.int().nonnegative(),
  /** Share of the other tokens that occur in the text that means are taken over. */
  seen: z.number(),
  /** What values from a place cost in layers, 0-based, that were changed together: nats per token. */
  rises: z.array(changeForm.extend({ rise: z.number(), ...endsForm })),
});
/** What `withoutContext` measures. */
export type WithoutContext = z.infer<typeof contextKind.form>;
interface ContextRequest {
  readonly provenance: Provenance;
  readonly calibration: Provenance;
  readonly keep: number;
  readonly rises: readonly z.infer<typeof changeForm>[];
}

const interactionForm = z.object({
  ...{ model: z.string(), drop: z.string(), type: z.string(), rise: z.number() },
  ...endsForm,
});
/** What a drop and a type cost together beyond their sum, with the names that the figure shows. */
export type Interaction = z.infer<typeof interactionForm>;

export const interactionsKind = kind("interactions", { method: 1, origin: depends("drops", "types") }, {
  provenance: provenanceForm,
  /** The plans, each of which is combined with each type. */
  drops: z.array(dropForm),
  types: z.array(dropForm),
  /** By drop and type: nats per token, with 95 % intervals for all pairs together. */
  rises: z.array(interactionForm),
});
/** What `interactions` measures. */
export type Interactions = z.infer<typeof interactionsKind.form>;
