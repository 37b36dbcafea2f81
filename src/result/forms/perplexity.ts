/** How well a model predicts a text under a plan. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { estimateForm, modelForm, type Provenance, provenanceForm, sharedForm } from "./provenance.ts";

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

const moves = z.array(z.object({ counted: z.number(), along: z.number(), across: z.number() }).nullable());
const movesByLayer = z.object({ along: z.array(estimateForm), across: z.array(estimateForm) });

/**
 * How far updates move, e = u′ − u of every module behind the first that the plan changes, but for those that it changes: means over tokens
 * of |e∥|/|u| and |e⊥|/|u|, along and across the stream that u is added to (arXiv 2609.15975).
 */
const effectsForm = z.object({
  /** What the plan is compared with: this model without changes, and the precision in which it ran. */
  of: z.object({ model: modelForm, dtype: z.string() }),
  /** Nats per token over its loss. */
  rise: estimateForm,
  /** Means over modules. */
  along: estimateForm,
  across: estimateForm,
  /** By layer [L]. */
  attention: movesByLayer,
  mlp: movesByLayer,
  /** By sample: Σ −ln p(token) of what the plan is compared with, and the sums behind the means by layer; null where nothing is measured. */
  sums: z.array(z.object({ nll: z.number(), attention: moves, mlp: moves })),
});
/** How far a plan moves the updates of later modules. */
export type Effects = z.infer<typeof effectsForm>;

/** What a perplexity depends on: results with effects are kept apart from those without. */
export const perplexityOrigin = (provenance: Provenance, effects?: Effects["of"]): Provenance => (
  { ...provenance, ...effects ? { effects } : {} } as Provenance
);

export const perplexityKind = kind("perplexity", {
  method: 1,
  origin: ({ provenance, effects }) => perplexityOrigin(provenance, effects?.of),
}, {
  provenance: provenanceForm,
  ...qualityForm,
  /** Predicted tokens: T − 1 per sample. */
  tokens: z.int().positive(),
  /** By sample. */
  sums: z.array(z.object({
    nll: z.number(),
    kl: z.number(),
    top1: z.number(),
    tokens: z.number(),
  })),
  /** What the text shares with the plan's calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
  /** Absent where they were not measured. */
  effects: effectsForm.optional(),
});
/** How well a model predicts a text under a plan, compared with the full model. */
export type Perplexity = z.infer<typeof perplexityKind.form>;
