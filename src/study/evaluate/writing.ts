/** How plans write: choosing among given answers hides what dropping does to a text. */
import { reportsOf } from "../../entry/mod.ts";
import type { Evaluation } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { packText } from "../../subject/mod.ts";
import { idsByBlock } from "../../text/mod.ts";
import { HELD_OUT_TEXT, reporter } from "../base/options.ts";
import { keptContinuations } from "./texts.ts";
import type { Running } from "./asked.ts";
import type { PartsOptions } from "./parts.ts";

/** Tokens of a prompt, and tokens that are written after it. */
export const PROMPT = 32;
export const TOKENS = 64;
/** A text repeats itself where so many tokens in a row were there before. */
const REPEATED = 4;

/** How each plan writes, next to the full model, which is the first. */
export async function writing(
  prompts: number,
  options: PartsOptions,
): Promise<NonNullable<Evaluation["writing"]>[] | null> {
  if (prompts === 0) return null;
  const { model, plans } = options;
  const report = reporter(`texts of ${model.name}`, "texts", options);
  const all: (readonly number[][])[] = [];
  for (const [index, plan] of plans.entries()) {
    const onText = (done: number) => report(index * prompts + done, plans.length * prompts);
    all.push(await writeTexts(prompts, plan, options, onText));
  }
  return all.map((texts) => ({
    prompts,
    tokens: TOKENS,
    divergence: texts.map((ids, i) => divergence(ids, all[0][i])),
    repetition: texts.map(repetition),
  }));
}

/** The beginnings of held-out blocks, continued greedily by a plan; what is written is kept text by text. */
export async function writeTexts(
  prompts: number,
  plan: DropPlan,
  options: Running,
  onText?: (done: number) => void,
): Promise<readonly number[][]> {
  const packing = { text: HELD_OUT_TEXT, samples: prompts, length: PROMPT, skip: 0, bos: false };
  const { blocks, ...origin } = await packText(options.model, { ...packing, ...reportsOf(options) });
  const ids = idsByBlock(blocks).map((ids) => [...ids]);
  return await keptContinuations({ ...origin, ids }, TOKENS, plan, options, onText);
}

/** The first step at which two texts part; null where they do not. */
function divergence(ids: readonly number[], full: readonly number[]): number | null {
  const longest = Math.max(ids.length, full.length);
  for (let i = 0; i < longest; i++) if (ids[i] !== full[i]) return i;
  return null;
}

/** The share of a text's 4-grams that it had before; 0 for a shorter text. */
function repetition(ids: readonly number[]): number {
  const count = ids.length - REPEATED + 1;
  if (count <= 0) return 0;
  const grams = Array.from({ length: count }, (_, i) => ids.slice(i, i + REPEATED).join(" "));
  return 1 - new Set(grams).size / count;
}
