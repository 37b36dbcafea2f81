/** What a plan costs as a draft of the full model, so that results can say how much faster it makes writing at most. */
import { isFull } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import type { DraftCost } from "../../result/mod.ts";
import { type DropPlan, HALF, noDrop, tokenBytes } from "../../run/mod.ts";

/** The cost of a drafted token after so many others, by bytes that are read; nothing for the full model. */
export function draftOf(
  spec: ModelSpec,
  plan: DropPlan,
  context: number,
): { draft?: DraftCost } {
  if (isFull(plan)) return {};
  return {
    draft: { context, cost: tokenBytes(spec, plan, context, HALF) / tokenBytes(spec, noDrop, context, HALF) },
  };
}
