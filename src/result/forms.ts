/**
 * The forms of what studies give: plain JSON, validated on reading, with the sums beside the means so that shards merge
 * exactly. No clock, duration or path is part of a result.
 */
import { z } from "zod";
import { indices, perLayer, planForm, provenanceForm } from "./provenance.ts";

/** Sums of one module over the counted tokens of one sample. */
const updateSums = z.object({
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
  /** Of the importance, over samples; null for a single sample. */
  standardError: perLayer,
});
export type ModuleMeans = z.infer<typeof moduleMeans>;

/** Importance, magnitude and sign of every module. */
export const profileForm = z.object({
  kind: z.literal("profile"),
  provenance: provenanceForm,
  tokens: z.int().positive(),
  /** Tokens without a direction (|X| = 0) that some module's means had to leave out. */
  skippedTokens: z.int().nonnegative(),
  /** mean |x| where each layer begins [L]; null where all of it is dropped. */
  streamNorm: perLayer,
  sums: z.object({ attention: moduleSums, mlp: moduleSums, block: moduleSums }),
  attention: moduleMeans,
  mlp: moduleMeans,
  block: moduleMeans,
});
export type Profile = z.infer<typeof profileForm>;

/** How well a model predicts, beside the full one. */
export const perplexityForm = z.object({
  kind: z.literal("perplexity"),
  provenance: provenanceForm,
  /** Nats per predicted token. */
  nll: z.number(),
  /** Of the nll, over samples. */
  standardError: z.number().nullable(),
  perplexity: z.number(),
  /** KL(p_full ‖ p_drop), nats per predicted token. */
  kl: z.number(),
  /** Share of positions whose most probable token is the full model's. */
  top1: z.number(),
  /** Predicted tokens: T − 1 a sample. */
  tokens: z.int().positive(),
  /** By sample. */
  sums: z.array(z.object({ nll: z.number(), kl: z.number(), top1: z.number(), tokens: z.number() })),
});
export type Perplexity = z.infer<typeof perplexityForm>;

/** Which modules compete to be dropped, and what orders them. */
const targets = z.enum(["attention", "mlp", "block", "joint"]);
const orders = z.enum(["importance", "magnitude", "random", "deepest"]);

/** What to drop, and why. */
export const planResultForm = z.object({
  kind: z.literal("plan"),
  model: z.string(),
  layers: z.int().positive(),
  target: targets,
  by: orders,
  seed: z.int().nullable(),
  /** Layers whose attention is dropped, first dropped first. */
  attention: indices,
  /** Layers whose MLP is dropped, first dropped first. */
  mlp: indices,
  /** The drops in order; score is what they were ordered by. */
  order: z.array(
    z.object({ module: z.enum(["attention", "mlp", "block"]), layer: z.int(), score: z.number().nullable() }),
  ),
});
export type Plan = z.infer<typeof planResultForm>;

/** Quality against the number of modules dropped, by what they were ordered by. */
export const sweepForm = z.object({
  kind: z.literal("sweep"),
  /** Of the full model on the text that quality was measured on. */
  provenance: provenanceForm,
  /** Of the profile that gave the orders. */
  calibration: provenanceForm,
  curves: z.array(z.object({
    target: targets,
    by: orders,
    /** Of a random order. */
    seed: z.int().nullable(),
    points: z.array(z.object({
      dropped: z.int().nonnegative(),
      /** The modules dropped. */
      drop: planForm,
      nll: z.number(),
      standardError: z.number().nullable(),
      perplexity: z.number(),
      kl: z.number(),
      top1: z.number(),
      /** Rise of nll over the full model, paired over samples; null for a single sample. */
      rise: z.number(),
      riseError: z.number().nullable(),
    })),
  })),
});
export type Sweep = z.infer<typeof sweepForm>;

/** Means of one kind of module over seeds, by layer [L]; null where the model has no such module. */
const seedMeans = z.object({
  importance: perLayer,
  relativeMagnitude: perLayer,
  sign: perLayer,
  /** Standard deviation of the importance over seeds; null for a single one. */
  spread: perLayer,
  /** Importance by seed and layer. */
  bySeed: z.array(perLayer),
});

/** Importance, magnitude and sign of every module of a model that was never trained. */
export const randomInitForm = z.object({
  kind: z.literal("random-init"),
  /** Of the first seed's profile. */
  provenance: provenanceForm,
  /** D, L, H, K, E, F, V, and where the norms stand. */
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
  /** mean |x| where each layer begins [L]. */
  streamNorm: perLayer,
  attention: seedMeans,
  mlp: seedMeans,
  block: seedMeans,
});
export type RandomInit = z.infer<typeof randomInitForm>;

/** Every form by its kind. */
export const forms = {
  profile: profileForm,
  perplexity: perplexityForm,
  plan: planResultForm,
  sweep: sweepForm,
  "random-init": randomInitForm,
} as const;
export type Kind = keyof typeof forms;
export type ResultOf<K extends Kind> = z.infer<(typeof forms)[K]>;
