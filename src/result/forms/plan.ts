/** The form of a plan's changes (`measure/plan.ts`). */
import { z } from "zod";
import { type Change, type DropPlan, MODULES } from "../../measure/mod.ts";

/** Layers, 0-based, in the original numbering. */
export const indices = z.array(z.int().nonnegative());

const layer = z.int().nonnegative();
const tensors = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hexadecimal digits");

/** Every change. The next kind of change is one more member. */
export const changeForm = z.discriminatedUnion("to", [
  z.object({ layer, module: z.enum(MODULES), to: z.literal("nothing") }),
  z.object({ layer, module: z.enum(MODULES), to: z.literal("mean"), tensors }),
  z.object({ layer, module: z.literal("attention"), to: z.literal("weights"), heads: indices.min(1) }),
]) satisfies z.ZodType<Change>;

/** Dropped modules, and changes of others; absent if there are none. */
export const dropForm = z.object({
  attention: indices,
  mlp: indices,
  changes: z.array(changeForm).optional(),
}) satisfies z.ZodType<DropPlan>;

/** A copy of a plan, for results. */
export function planData({ attention, mlp, changes }: DropPlan): z.infer<typeof dropForm> {
  return {
    attention: [...attention],
    mlp: [...mlp],
    ...changes ? { changes: changes.map(changeData) } : {},
  };
}

function changeData(change: Change): z.infer<typeof changeForm> {
  return "heads" in change ? { ...change, heads: [...change.heads] } : change;
}
