/** What the results of plans say of them as drafts of the full model (measure/drafting.ts). */
import { z } from "zod";

const draftCostForm = z.object({
  /** Tokens before the one that is written. */
  context: z.int().nonnegative(),
  /** c: bytes of weights, keys and values that the plan reads for a token, in 16 bits, over those that the full model reads. */
  cost: z.number().nonnegative(),
});
/** The cost of a drafted token. */
export type DraftCost = z.infer<typeof draftCostForm>;

/** Absent in results of earlier versions; `draft` also of the full model. */
export const draftForm = {
  /** Σ_v min(p_full, p_drop): the share of tokens drawn from the plan that the full model accepts. */
  acceptance: z.number().min(0).max(1).optional(),
  draft: draftCostForm.optional(),
};
