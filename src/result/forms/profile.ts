/**
 * The forms of profiles: importance, magnitude and sign of every module, with the sums behind these means; and of a study of training,
 * which has a profile of each checkpoint and, if requested, the cost of dropping half of each kind of module there.
 */
import { z } from "zod";
import { depends, kind } from "../kind.ts";
import { eachOf } from "../../entry/mod.ts";
import { eachSum } from "../../measure/mod.ts";
import { byKind, perLayer, type Provenance, provenanceForm, updateMeans } from "./provenance.ts";
import { sweepKind } from "./sweep.ts";

/** Sums of one module over the counted tokens of one sample. */
export const updateSums = z.object(eachSum(z.number()));
const moduleSums = z.array(z.array(updateSums).nullable());

/** Means of one kind of module by layer [L]; null where the module is dropped. */
const moduleMeans = z.object({
  ...updateMeans,
  /** Standard error of the importance, over samples; null for a single sample. */
  standardError: perLayer,
});
export type ModuleMeans = z.infer<typeof moduleMeans>;

const sumsForm = z.array(
  z.array(z.object({
    load: z.array(z.int().nonnegative()),
    entropy: z.number(),
    tokens: z.int().positive(),
  })).nullable(),
);
/** Sums over routers' choices, by layer [L] and sample; null for a layer without a mixture. */
export type RoutingSums = z.infer<typeof sumsForm>;

const mixturesForm = z.object({
  sums: sumsForm,
  /** Share of all choices that each expert has [X]. */
  load: z.array(z.array(z.number()).nullable()),
  /** Mean entropy of the softmax of the router's logits over all experts, nats. */
  entropy: perLayer,
  /** Share of the experts that no token chose. */
  unused: perLayer,
});
/** The use of experts, by layer [L]; null for a layer without a mixture, or whose mixture is dropped. */
export type Mixtures = z.infer<typeof mixturesForm>;

/** Whole numbers by layer [L]; null where there is no module. */
const wholes = z.array(z.int().nonnegative().nullable());

/** How large the modules are. */
export const sizesForm = z.object({
  /** Length of the stream's vectors. */
  hidden: z.int().positive(),
  /** Weights of the whole model. */
  parameters: z.int().nonnegative(),
  /** Weights by layer. */
  attention: wholes,
  mlp: wholes,
  /** Bytes of keys and values for each token by layer, in 16 bits. */
  kvBytes: wholes,
  /** Tokens that a layer keeps at most; null for all. */
  kvTokens: wholes,
});
/** The sizes of the modules. */
export type Sizes = z.infer<typeof sizesForm>;

export const profileKind = kind("profile", { method: 1, origin: depends() }, {
  provenance: provenanceForm,
  tokens: z.int().positive(),
  /** Tokens without a direction (|X| = 0), which some module's means leave out. */
  skippedTokens: z.int().nonnegative(),
  /** mean |x| at the input of each layer [L]; null where the whole layer is dropped. */
  streamNorm: perLayer,
  sums: z.object(byKind(moduleSums)),
  ...byKind(moduleMeans),
  /** How experts are used; absent for a model without mixtures. */
  mixtures: mixturesForm.optional(),
  /** What mixes the tokens of each layer [L], null where nothing does; absent for a model without linear attention. */
  mixers: z.array(z.enum(["full", "linear"]).nullable()).optional(),
  /** How large the model's modules are, dropped or not. */
  sizes: sizesForm,
});
/** Importance, magnitude and sign of every module. */
export type Profile = z.infer<typeof profileKind.form>;

const checkpointForm = profileKind.form.extend({
  /** Optimiser steps so far. */
  step: z.int().nonnegative(),
  /** The full model and half of the attention, MLP or block modules dropped by this step's importance; null if not requested. */
  quality: sweepKind.form.nullable(),
});
export type CheckpointProfile = z.infer<typeof checkpointForm>;

/** What a series of one checkpoint depends on, known before its weights are opened: its files' fingerprint stands for their format. */
export function checkpointOrigin(
  { provenance, step, quality }: CheckpointProfile,
): Provenance & { step: number; quality: string | null } {
  const model = { ...provenance.model, format: "" };
  return { ...provenance, model, step, quality: quality && quality.provenance.text.hash };
}

export const checkpointsKind = kind("checkpoints", {
  method: 1,
  origin: ({ series: [only] }) => checkpointOrigin(only),
}, {
  name: z.string(),
  series: z.array(checkpointForm).min(1).refine(
    (series) => series.every(({ step }, i) => i === 0 || step > series[i - 1].step),
    "found steps out of order, expected increasing ones",
  ),
});
/** Profiles of the checkpoints of one training run, in the order of their steps. */
export type Checkpoints = z.infer<typeof checkpointsKind.form>;

/** Means of one kind of module over seeds, by layer [L]; null where the model has no such module. */
const seedMeans = z.object({
  ...updateMeans,
  /** Standard deviation of the importance over seeds; null for a single one. */
  spread: perLayer,
  bySeed: z.array(perLayer),
});

const SHAPE = ["hidden", "layers", "heads", "kvHeads", "headSize", "feedForward", "vocabulary"] as const;

export const randomInitKind = kind("random-init", { method: 2 }, {
  /** Provenance of the first seed's profile. */
  provenance: provenanceForm,
  /** D, L, H, K, E, F, V, and the norm placement. */
  shape: z.object({ ...eachOf(SHAPE, () => z.int()), norm: z.enum(["pre", "peri", "post"]) }),
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
export type RandomInit = z.infer<typeof randomInitKind.form>;
