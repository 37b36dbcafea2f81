/** The forms of plans (what is dropped, in which order) and of sweeps (what dropping more and more costs). */
import { z } from "zod";
import { dropForm, headForm, indices, provenanceForm } from "./provenance.ts";

/** Which modules compete to be dropped, and what orders them. */
const targets = z.enum(["attention", "mlp", "block", "joint"]);
const orders = z.enum(["importance", "magnitude", "random", "deepest"]);

/** What to drop, and why. */
export const planForm = z.object({
  ...headForm("plan"),
  model: z.string(),
  layers: z.int().positive(),
  /** Provenance of the profile that gave the order; a plan written by hand has none. */
  provenance: provenanceForm.optional(),
  target: targets,
  by: orders,
  seed: z.int().nullable(),
  /** Layers whose attention is dropped, first dropped first. */
  attention: indices,
  /** Layers whose MLP is dropped, first dropped first. */
  mlp: indices,
  /** The drops in order; `score` is what they were ordered by. */
  order: z.array(
    z.object({ module: z.enum(["attention", "mlp", "block"]), layer: z.int(), score: z.number().nullable() }),
  ),
});
/** Modules to drop, in order. */
export type Plan = z.infer<typeof planForm>;

/** Quality against the number of modules dropped, by what they were ordered by. */
export const sweepForm = z.object({
  ...headForm("sweep"),
  /** Provenance of the full model on the text on which quality was measured. */
  provenance: provenanceForm,
  /** Provenance of the profile that gave the orders. */
  calibration: provenanceForm,
  curves: z.array(z.object({
    target: targets,
    by: orders,
    /** Seed of a random order. */
    seed: z.int().nullable(),
    points: z.array(z.object({
      dropped: z.int().nonnegative(),
      /** The modules dropped. */
      drop: dropForm,
      nll: z.number(),
      standardError: z.number().nullable(),
      perplexity: z.number(),
      kl: z.number(),
      top1: z.number(),
      /** Rise in nll over the full model, paired over samples; null for a single sample. */
      rise: z.number(),
      riseError: z.number().nullable(),
    })),
  })),
});
/** Quality against the number dropped, curve by curve. */
export type Sweep = z.infer<typeof sweepForm>;
