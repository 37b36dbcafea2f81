/** Greedy decoding of many prompts, one after the other, by one decoder. */
import { type Decoder, decoder, type DropPlan, sampler } from "../../run/mod.ts";
import { decoded, endsOf } from "../writing/decoded.ts";
import type { Running } from "./asked.ts";

/** Writing one token takes about as long as reading this number of tokens together. */
export const WRITING = 16;

/** Writes under one plan. */
export type Writer = ReturnType<typeof writer>;

/** Texts of `tokens` at most. The decoder is opened for the first prompt: where all was kept, there is none. */
export function writer(plan: DropPlan, tokens: number, { model, engine, signal }: Running) {
  const own = sampler({ temperature: 0, topP: 1, seed: 0 });
  let opened: Decoder | undefined;
  return {
    /** The ids that follow a prompt, without the one that ends a text; `isOver` may end it before. */
    async write(prompt: readonly number[], isOver = (_ids: readonly number[]) => false): Promise<number[]> {
      const tokenizer = await model.tokenizer();
      opened ??= await decoder({ model, engine, plan, signal });
      const { ids } = await decoded(opened, prompt, {
        tokenizer,
        sampler: own,
        ends: endsOf(model, tokenizer),
        isOver: (ids) => ids.length === tokens || isOver(ids),
      });
      return ids;
    },
    async release() {
      await opened?.release();
    },
  };
}
