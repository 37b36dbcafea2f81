/** The form of guides: how well each score of a module predicts the cost of its removal. */
import { KINDS } from "../../measure/mod.ts";
import { z } from "zod";
import { byKind, headForm, perLayer, provenanceForm } from "./provenance.ts";
import { GUIDE_NAMES } from "../scores.ts";

/** One score of one kind of module against the losses of its removals. */
const guideForm = z.object({
  module: z.enum(KINDS),
  by: z.enum(GUIDE_NAMES),
  /** The score by layer [L]. */
  values: perLayer,
  /** Spearman's correlation with the loss; null where one of them does not vary. */
  rank: z.number().nullable(),
  /** Its 95 % confidence interval over the modules; none below four of them, or at ±1. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** How many modules have both. */
  modules: z.int().nonnegative(),
});
/** One score of one kind of module, compared with the losses after each removal. */
export type Guide = z.infer<typeof guideForm>;

export const guidesForm = z.object({
  ...headForm("guides"),
  /** The full model on the text on which losses were measured. */
  provenance: provenanceForm,
  /** The full model on the text on which scores were measured. */
  calibration: provenanceForm,
  /** Rise in nats per token when the module alone is removed, by layer [L]. */
  loss: z.object(byKind(perLayer)),
  guides: z.array(guideForm),
});
/** How well each score predicts the cost of removing one module. */
export type Guides = z.infer<typeof guidesForm>;
