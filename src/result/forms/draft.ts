/** Plans as drafts of the full model: what they are worth (measure/drafting.ts), and how drafting went. */
import { z } from "zod";
import { dropForm } from "./provenance.ts";

const draftCostForm = z.object({
  /** Tokens before the one that is written. */
  context: z.int().nonnegative(),
  /** c: bytes of weights, keys and values that the plan reads for a token, in 16 bits, over those that the full model reads. */
  cost: z.number().nonnegative(),
});
/** The cost of a drafted token. */
export type DraftCost = z.infer<typeof draftCostForm>;

const count = z.int().nonnegative();

/** Of the full model, `draft` is absent. */
export const draftForm = {
  /**
   * Σ_v min(p_full, p_drop): the share of tokens drawn from the plan that the full model accepts, where the plan reads the text with keys
   * and values of its own. A draft that writes with the model reads the model's keys and values, so another share is accepted: see `depths` of
   * `speed` and `generate`.
   */
  acceptance: z.number().min(0).max(1),
  /** Half the width of its 95 % interval over texts; null for a single text. */
  acceptanceHalfWidth: z.number().nonnegative().nullable(),
  /** The tokens of this share: of a perplexity some of the predicted ones, evenly apart; of a task all scored ones, as its KL. */
  acceptanceTokens: count,
  draft: draftCostForm.optional(),
};

/** How drafting went: tokens that a plan drafted, and those that the full model accepted. */
export const draftedForm = z.object({
  plan: dropForm,
  /** Tokens to draft at a time. */
  tokens: z.int().positive(),
  /** Runs of the whole model. */
  rounds: count,
  drafted: count,
  accepted: count,
  /** For the first, second, … token of a round: rounds that accepted it, of those that accepted all before it. */
  depths: z.array(z.object({ tried: count, accepted: count })),
  /** Tokens whose two best logits were nearly equal. */
  ties: count,
});
