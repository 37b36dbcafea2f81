/**
 * The forms of profiles: importance, magnitude and sign of every module, with the sums behind these means; and of a study of training,
 * which has a profile of each checkpoint and, if requested, the cost of dropping half of each kind of module there.
 */
import { z } from "zod";
import { byKind, depends, kind, perLayer, provenanceForm, sizesForm, updateMeans } from "core/result/mod.ts";
import { eachSum } from "core/measure/mod.ts";

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

export const profileKind = kind("profile", { method: 1, merges: true, origin: depends() }, {
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

export const SHAPE = [
  "hidden",
  "layers",
  "heads",
  "kvHeads",
  "headSize",
  "feedForward",
  "vocabulary",
] as const;
