/** The form of what drafting came to. */
import { z } from "zod";
import { dropForm } from "./provenance.ts";

const count = z.int().nonnegative();

export const draftForm = z.object({
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
