/** How well a model predicts a text under a plan. */
import { z } from "zod";
import { depends, kind } from "../kind.ts";
import { provenanceForm, sharedForm } from "./provenance.ts";

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

export const perplexityKind = kind("perplexity", { method: 1, origin: depends() }, {
  provenance: provenanceForm,
  ...qualityForm,
  /** Predicted tokens: T − 1 per sample. */
  tokens: z.int().positive(),
  /** By sample. */
  sums: z.array(z.object({ nll: z.number(), kl: z.number(), top1: z.number(), tokens: z.number() })),
  /** What the text shares with the plan's calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** How well a model predicts a text under a plan, compared with the full model. */
export type Perplexity = z.infer<typeof perplexityKind.form>;
