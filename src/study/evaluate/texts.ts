/** Texts that a plan writes after prompts, kept between runs. */
import type { Provenance } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import type { Running } from "./asked.ts";
import { writer } from "./continued.ts";
import { keptTexts } from "./kept.ts";

/** Prompts as tokens, and their identity in what is kept. */
export interface Prompts extends Pick<Provenance, "text" | "packing"> {
  readonly ids: readonly (readonly number[])[];
}

/** What a plan writes after each prompt, `tokens` at most; every text is kept as it is done, and `onText` gets the number of those done. */
export async function keptContinuations(
  prompts: Prompts,
  tokens: number,
  plan: DropPlan,
  options: Running,
  onText?: (done: number) => void,
): Promise<readonly number[][]> {
  const kept = await keptTexts(prompts, tokens, plan, options);
  const opened = writer(plan, tokens, options);
  try {
    for (let next = kept.made.length; next < prompts.ids.length; next++) {
      options.signal?.throwIfAborted();
      await kept.add([await opened.write(prompts.ids[next])]);
      onText?.(next + 1);
    }
  } finally {
    await opened.release();
  }
  return kept.made;
}
