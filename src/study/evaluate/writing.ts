/** How plans write: choosing among given answers hides what dropping does to a text. */
import { reportsOf } from "../../entry/mod.ts";
import type { Evaluation } from "../../result/mod.ts";
import { packText } from "../../subject/mod.ts";
import { HELD_OUT_TEXT, reporter } from "../options.ts";
import { writer } from "./continued.ts";
import { keptTexts } from "./kept.ts";
import type { PartsOptions } from "./parts.ts";

/** Tokens of a prompt, and tokens that are written after it. */
export const PROMPT = 32;
export const TOKENS = 64;
/** A text repeats itself where so many tokens in a row were there before. */
const REPEATED = 4;

/** The beginnings of held-out blocks, continued greedily by each plan; what is written is kept text by text. */
export async function writing(
  prompts: number,
  options: PartsOptions,
): Promise<NonNullable<Evaluation["writing"]>[] | null> {
  if (prompts === 0) return null;
  const { model, plans } = options;
  const packing = { text: HELD_OUT_TEXT, samples: prompts, length: PROMPT, skip: 0, bos: false };
  const packed = await packText(model, packing, reportsOf(options));
  const starts = Array.from(
    { length: prompts },
    (_, i) => [...packed.blocks.ids.subarray(i * PROMPT, (i + 1) * PROMPT)],
  );
  const report = reporter(`texts of ${model.name}`, "texts", options);
  const all: (readonly number[][])[] = [];
  for (const [index, plan] of plans.entries()) {
    const kept = await keptTexts(packed, TOKENS, plan, options);
    const opened = writer(plan, TOKENS, options);
    try {
      while (kept.made.length < prompts) {
        await kept.add([await opened.write(starts[kept.made.length])]);
        report(index * prompts + kept.made.length, plans.length * prompts);
      }
    } finally {
      await opened.release();
    }
    all.push(kept.made);
  }
  return all.map((texts) => ({
    prompts,
    tokens: TOKENS,
    divergence: texts.map((ids, i) => divergence(ids, all[0][i])),
    repetition: texts.map(repetition),
  }));
}

/** The first step at which two texts part; null where they do not. */
export function divergence(ids: readonly number[], full: readonly number[]): number | null {
  const longest = Math.max(ids.length, full.length);
  for (let i = 0; i < longest; i++) if (ids[i] !== full[i]) return i;
  return null;
}

/** The share of a text's 4-grams that it had before; 0 for a shorter text. */
export function repetition(ids: readonly number[]): number {
  const count = ids.length - REPEATED + 1;
  if (count <= 0) return 0;
  const grams = Array.from({ length: count }, (_, i) => ids.slice(i, i + REPEATED).join(" "));
  return 1 - new Set(grams).size / count;
}
