/**
 * The forms of the results of studies: plain JSON, validated on writing and on reading, with the sums as well as the means, so that
 * shards merge exactly. No clock, duration or path is part of a result.
 */
import { z } from "zod";
import { causesForm, rowsForm } from "./causes.ts";
import { fitForm } from "./fit.ts";
import { againstForm, compareForm } from "./comparisons.ts";
import { draftForm } from "./draft.ts";
import { evaluateForm, taskForm, writtenForm } from "./evaluation.ts";
import type { Kind } from "../methods.ts";
import { checkpointsForm, profileForm } from "./profile.ts";
import { byKind, headForm, perLayer, provenanceForm, sharedForm } from "./provenance.ts";
import { doctorForm, generateForm, receiptForm, shardsForm } from "./shards.ts";
import { generationForm } from "./generation.ts";
import { infoForm } from "./info.ts";
import { guidesForm, lossForm, orderForm } from "./order.ts";
import { rooflineForm } from "./roofline.ts";
import { speedForm } from "./speed.ts";
import { planForm, replacementForm, sweepForm } from "./sweep.ts";

const perplexityForm = z.object({
  ...headForm("perplexity"),
  provenance: provenanceForm,
  /** Nats per predicted token. */
  nll: z.number(),
  /** Standard error of the nll, over samples. */
  standardError: z.number().nullable(),
  perplexity: z.number(),
  /** KL(p_full ‖ p_drop), nats per predicted token. */
  kl: z.number(),
  /** Top-1 agreement: share of positions whose most probable token is the full model's. */
  top1: z.number(),
  /** Predicted tokens: T − 1 per sample. */
  tokens: z.int().positive(),
  ...draftForm,
  /** By sample; `accepted` is of `drafted` tokens, not of all. */
  sums: z.array(z.object({
    nll: z.number(),
    kl: z.number(),
    top1: z.number(),
    tokens: z.number(),
    accepted: z.number(),
    drafted: z.number(),
  })),
  /** What the text shares with the plan's calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** How well a model predicts a text under a plan, compared with the full model. */
export type Perplexity = z.infer<typeof perplexityForm>;

/** Means of one kind of module over seeds, by layer [L]; null where the model has no such module. */
const seedMeans = z.object({
  importance: perLayer,
  relativeMagnitude: perLayer,
  /** The largest |u| / |X| of a token of any seed. */
  largestRelativeMagnitude: perLayer,
  shareAbove2: perLayer,
  sign: perLayer,
  /** Standard deviation of the importance over seeds; null for a single one. */
  spread: perLayer,
  /** Importance by seed and layer. */
  bySeed: z.array(perLayer),
});

const randomInitForm = z.object({
  ...headForm("random-init"),
  /** Provenance of the first seed's profile. */
  provenance: provenanceForm,
  /** D, L, H, K, E, F, V, and the norm placement. */
  shape: z.object({
    hidden: z.int(),
    layers: z.int(),
    heads: z.int(),
    kvHeads: z.int(),
    headSize: z.int(),
    feedForward: z.int(),
    vocabulary: z.int(),
    norm: z.enum(["pre", "peri", "post"]),
  }),
  /** Standard deviations: of all matrices and the embedding, and of the projections onto the residual stream. */
  initialiser: z.object({ std: z.number(), residualStd: z.number() }),
  seeds: z.array(z.int().nonnegative()).min(1),
  /** For each seed. */
  tokens: z.int().positive(),
  skippedTokens: z.int().nonnegative(),
  /** mean |x| at the input of each layer [L]. */
  streamNorm: perLayer,
  ...byKind(seedMeans),
});
/** Importance, magnitude and sign of every module of an untrained model, over seeds. */
export type RandomInit = z.infer<typeof randomInitForm>;

/** Every form by its kind. */
export const forms = {
  profile: profileForm,
  perplexity: perplexityForm,
  plan: planForm,
  replacement: replacementForm,
  order: orderForm,
  loss: lossForm,
  guides: guidesForm,
  sweep: sweepForm,
  fit: fitForm,
  "random-init": randomInitForm,
  causes: causesForm,
  rows: rowsForm,
  checkpoints: checkpointsForm,
  against: againstForm,
  compare: compareForm,
  task: taskForm,
  written: writtenForm,
  evaluate: evaluateForm,
  generate: generateForm,
  generation: generationForm,
  roofline: rooflineForm,
  speed: speedForm,
  shards: shardsForm,
  shard: receiptForm,
  doctor: doctorForm,
  info: infoForm,
} as const satisfies Record<Kind, z.ZodType>;
/** The result of a given kind. */
export type ResultOf<K extends Kind> = z.infer<(typeof forms)[K]>;

/** The JSON Schema (draft 2020-12) of a kind of result, for readers in other languages. */
export function schemaOf(kind: Kind): Record<string, unknown> {
  const { $schema, ...form } = z.toJSONSchema(forms[kind]);
  return { $schema, title: `Lamina result: ${kind}`, ...form };
}
