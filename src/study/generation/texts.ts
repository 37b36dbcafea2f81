/** What each plan writes after the prompts, greedily; every text is kept as it is done. */
import type { DropPlan } from "../../run/mod.ts";
import type { Running } from "../evaluate/asked.ts";
import { writer } from "../evaluate/continued.ts";
import { keptTexts } from "../evaluate/kept.ts";
import type { Prompts } from "./prompts.ts";

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
    const kept = await keptTexts(prompts, tokens, plan, options);
    const opened = writer(plan, tokens, options);
    try {
      for (let next = kept.made.length; next < prompts.ids.length; next++) {
        options.signal?.throwIfAborted();
        await kept.add([await opened.write(prompts.ids[next])]);
        onText(index * prompts.ids.length + next + 1, total);
      }
    } finally {
      await opened.release();
    }
    onText((index + 1) * prompts.ids.length, total);
    all.push(kept.made);
  }
  return all;
}
