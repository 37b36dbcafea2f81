/** The forms of comparisons: two profiles, two logs of lm-eval. */
import { z } from "zod";
import { VERDICTS } from "core/measure/mod.ts";
import {
  byKind,
  computedForm,
  depends,
  endsForm,
  estimateForm,
  kind,
  modelForm,
  provenanceForm,
} from "core/result/mod.ts";

/** Shares of the tokens whose divergence is at most a quantile; that of all is the maximum. */
export const QUANTILES = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1] as const;

const both = z.tuple([z.number(), z.number()]);
/** By layer [L]; null where one of the two has no module. */
const byLayer = z.object({ along: z.array(estimateForm), across: z.array(estimateForm) });

export const certificateKind = kind("certificate", { method: 2, origin: depends("of") }, {
  /** Of the second, and of the plan by which it differs, if that is all. */
  provenance: provenanceForm,
  /** The first. */
  of: modelForm,
  /** Both by folder and name, where they are told apart by them. */
  names: z.tuple([z.string(), z.string()]).optional(),
  /** Bytes of the weight files of both; null where a model has none. */
  bytes: z.tuple([z.number().nullable(), z.number().nullable()]),
  /** Predicted tokens: T − 1 per sample. */
  tokens: z.int().positive(),
  perplexity: both,
  /** How much more the second loses in nats per token, paired over samples (Student's t). */
  rise: z.object({ value: z.number(), ...endsForm }),
  /** Nats per token that count as no difference. */
  within: z.number().positive(),
  /** Whether the interval of the rise lies within ±`within`, or beyond it. */
  equal: z.enum(VERDICTS),
  /** KL(first ‖ second), nats per predicted token. */
  kl: estimateForm,
  /** Its quantiles over tokens, at the shares `QUANTILES`. */
  quantiles: z.array(z.number()).length(QUANTILES.length),
  /** Share of positions where the most probable token of both is the same. */
  top1: estimateForm,
  /**
   * How far updates u of the first move to u + e in the second: means over tokens of |e∥|/|u| and |e⊥|/|u|, along and across the first's
   * stream (arXiv 2609.15975), over all modules and by layer; null for models that differ in layers or width.
   */
  moves: z.object({ along: estimateForm, across: estimateForm, attention: byLayer, mlp: byLayer }).nullable(),
  /** By sample: Σ −ln p(token) of both, Σ KL, and positions with the same first choice. */
  sums: z.array(z.object({ nll: both, kl: z.number(), top1: z.number(), tokens: z.number() })),
});
/** What a model costs in place of another, over the same text. */
export type Certificate = z.infer<typeof certificateKind.form>;

const agreement = z.object({
  /** Share of modules in common among the n least important of each, for n = 1 … L. */
  overlap: z.array(z.number()),
  /** Spearman's rank correlation of importance; null where one side does not vary. */
  rankCorrelation: z.number().nullable(),
  /** Largest absolute difference of importance. */
  largestDifference: z.number(),
});
/** How similarly two profiles rank one kind of module. */
export type Agreement = z.infer<typeof agreement>;

export const compareKind = kind("compare", { method: 1 }, {
  models: z.tuple([z.string(), z.string()]),
  /** What computed each, where that differs: then the numbers do too. */
  computed: z.tuple([computedForm, computedForm]).optional(),
  ...byKind(agreement),
});
/** Two profiles side by side. */
export type Comparison = z.infer<typeof compareKind.form>;
