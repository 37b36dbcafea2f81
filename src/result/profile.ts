/** The form of a profile: importance, magnitude and sign of every module, with the sums that they are means of. */
import { z } from "zod";
import { mixturesForm } from "./mixtures.ts";
import { headForm, perLayer, provenanceForm } from "./provenance.ts";

/** Sums of one module over the counted tokens of one sample. */
export const updateSums = z.object({
  counted: z.number(),
  distance: z.number(),
  magnitude: z.number(),
  sign: z.number(),
  norm: z.number(),
});
const moduleSums = z.array(z.array(updateSums).nullable());

/** Means of one kind of module by layer [L]; null where the module is dropped. */
const moduleMeans = z.object({
  /** 1 − mean cos(X, Y) */
  importance: perLayer,
  /** mean |u| / |X| */
  relativeMagnitude: perLayer,
  /** mean cos(u, X) */
  sign: perLayer,
  /** Standard error of the importance, over samples; null for a single sample. */
  standardError: perLayer,
});
export type ModuleMeans = z.infer<typeof moduleMeans>;

/** Importance, magnitude and sign of every module. */
export const profileForm = z.object({
  ...headForm("profile"),
  provenance: provenanceForm,
  tokens: z.int().positive(),
  /** Tokens without a direction (|X| = 0), which some module's means leave out. */
  skippedTokens: z.int().nonnegative(),
  /** mean |x| at the input of each layer [L]; null where the whole layer is dropped. */
  streamNorm: perLayer,
  sums: z.object({ attention: moduleSums, mlp: moduleSums, block: moduleSums }),
  attention: moduleMeans,
  mlp: moduleMeans,
  block: moduleMeans,
  /** How experts are used; absent for a model without mixtures. */
  mixtures: mixturesForm.optional(),
  /** What mixes the tokens of each layer [L], null where nothing does; absent for a model without linear attention. */
  mixers: z.array(z.enum(["full", "linear"]).nullable()).optional(),
});
/** Importance, magnitude and sign of every module. */
export type Profile = z.infer<typeof profileForm>;
