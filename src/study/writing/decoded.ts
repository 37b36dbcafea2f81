/** What a decoder writes, id by id, and which ids end a text. */
import type { Decoder } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { Tokenizer } from "../../text/mod.ts";

/** How a text goes on, and when it is over. */
export interface Writing {
  readonly tokenizer: Tokenizer;
  /** Chooses from the logits [V] of the next token. */
  readonly next: (logits: Float32Array) => number;
  /** Ids that end a text. */
  readonly ends: ReadonlySet<unknown>;
  /** Told all ids so far after each; whether the text is over. */
  readonly isOver: (ids: readonly number[]) => boolean;
}

/** The ids that follow a prompt, without the one that ends them, and what ended them. */
export async function decoded(
  opened: Decoder,
  prompt: readonly number[],
  { tokenizer, next, ends, isOver }: Writing,
): Promise<{ ids: number[]; ended: "eos" | "length" }> {
  const ids: number[] = [];
  let logits = await opened.prefill(Int32Array.from(prompt));
  for (;;) {
    const id = next(logits.subarray(0, tokenizer.vocabularySize)); // an embedding may have rows that no token has
    if (ends.has(id)) return { ids, ended: "eos" };
    ids.push(id);
    if (isOver(ids)) return { ids, ended: "length" };
    logits = await opened.step(id);
  }
}

/** The tokens that end a text: the tokenizer's, and those of the configuration, which may list several. */
export function endsOf({ config }: StudyModel, { eos }: Tokenizer): Set<unknown> {
  const configured = [config.eos_token_id].flat().filter((id) => typeof id === "number");
  return new Set(eos === null ? configured : [eos, ...configured]);
}
