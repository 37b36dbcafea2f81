/** Greedy decoding of many prompts, one after the other, by one decoder. */
import type { Engine } from "../../engine/mod.ts";
import { type Decoder, decoder, type DropPlan, sampler } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { decoded, endsOf } from "../writing/decoded.ts";

/** What decodes. */
export interface WriterOptions {
  readonly model: StudyModel;
  readonly engine: Engine;
  readonly signal?: AbortSignal | undefined;
}

/** Writes under one plan. */
export interface Writer {
  /** The ids that follow a prompt, without the one that ends a text; `isOver` may end it before. */
  write(prompt: readonly number[], isOver?: (ids: readonly number[]) => boolean): Promise<number[]>;
  release(): Promise<void>;
}

/** Texts of `tokens` at most. The decoder is opened for the first prompt: where all was kept, there is none. */
export function writer(plan: DropPlan, tokens: number, { model, engine, signal }: WriterOptions): Writer {
  const next = sampler({ temperature: 0, topP: 1, seed: 0 });
  let opened: Decoder | undefined;
  return {
    async write(prompt, isOver = () => false) {
      const tokenizer = await model.tokenizer();
      opened ??= await decoder({ model, engine, plan, signal });
      const { ids } = await decoded(opened, prompt, {
        tokenizer,
        next,
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
