/** What each plan writes after the prompts, greedily; every text is kept as it is done. */
import type { DropPlan } from "../../run/mod.ts";
import type { Running } from "../evaluate/asked.ts";
import { keptContinuations, type Prompts } from "../evaluate/texts.ts";

/** The texts of each plan, by prompt, without the token that ends them; `tokens` at most. */
export async function writeAll(
  plans: readonly DropPlan[],
  prompts: Prompts,
  tokens: number,
  options: Running,
  onText: (done: number, total: number) => void,
): Promise<(readonly number[][])[]> {
  const all: (readonly number[][])[] = [];
  const total = plans.length * prompts.ids.length;
  for (const [index, plan] of plans.entries()) {
    const before = index * prompts.ids.length;
    all.push(
      await keptContinuations(prompts, tokens, plan, options, (done) => onText(before + done, total)),
    );
    onText(before + prompts.ids.length, total);
  }
  return all;
}
