/** Greedy decoding of many prompts, one after the other, by one decoder. */
import type { Engine } from "../../engine/mod.ts";
import { decoder, type DropPlan, sampler } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { decoded, endsOf } from "../decoded.ts";

/** What decodes, and when a text is over besides at its end or length. */
export interface ContinuedOptions {
  readonly model: StudyModel;
  readonly engine: Engine;
  readonly signal?: AbortSignal | undefined;
  readonly isOver?: (ids: readonly number[]) => boolean;
  /** Called after each text. */
  readonly onDone?: () => void;
}

/** The ids that a plan writes after each prompt, `tokens` at most, without the one that ends a text. */
export async function continued(
  prompts: readonly (readonly number[])[],
  plan: DropPlan,
  tokens: number,
  { model, engine, signal, isOver = () => false, onDone }: ContinuedOptions,
): Promise<number[][]> {
  const tokenizer = await model.tokenizer();
  const ends = endsOf(model, tokenizer);
  const next = sampler({ temperature: 0, topP: 1, seed: 0 });
  const opened = await decoder({ model, engine, plan, signal });
  const texts: number[][] = [];
  try {
    for (const prompt of prompts) {
      const { ids } = await decoded(opened, prompt, {
        tokenizer,
        next,
        ends,
        isOver: (ids) => ids.length === tokens || isOver(ids),
      });
      texts.push(ids);
      onDone?.();
    }
    return texts;
  } finally {
    await opened.release();
  }
}
