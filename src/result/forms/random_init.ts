/** Untrained models: importance over seeds. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { byKind, perLayer, provenanceForm, updateMeans } from "./provenance.ts";

/** Means of one kind of module over seeds, by layer [L]; null where the model has no such module. */
const seedMeans = z.object({
  ...updateMeans,
  /** Standard deviation of the importance over seeds; null for a single one. */
  spread: perLayer,
  /** Importance by seed and layer. */
  bySeed: z.array(perLayer),
});

export const randomInitKind = kind("random-init", { method: 2, noun: "result of randomInit" }, {
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
export type RandomInit = z.infer<typeof randomInitKind.form>;
