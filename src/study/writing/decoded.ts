/** What a decoder writes, id by id, and which ids end a text. */
import { type Decoder, draftRound, type Round, type Sampler } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { Tokenizer } from "../../text/mod.ts";

/** How a text goes on, and when it is over. */
interface Writing {
  readonly tokenizer: Tokenizer;
  /** Chooses from the logits [V] of the next token. */
  readonly sampler: Sampler;
  /** Ids that end a text. */
  readonly ends: ReadonlySet<unknown>;
  /** Gets all ids so far after each; whether the text is over. */
  readonly isOver: (ids: readonly number[]) => boolean;
  /** Tokens to draft in a round, with the most that are still needed; absent where the decoder has no draft. */
  readonly draft?: ((ids: readonly number[]) => number) | undefined;
  /** Gets what each round of drafting came to. */
  readonly onRound?: ((round: Round) => void) | undefined;
}

/** The ids that follow a prompt, without the one that ends them, and what ended them. */
export async function decoded(
  opened: Decoder,
  prompt: readonly number[],
  { tokenizer, sampler, ends, isOver, draft, onRound }: Writing,
): Promise<{ ids: number[]; ended: "eos" | "length" }> {
  const words = tokenizer.vocabularySize; // an embedding may have rows that no token has
  const ids: number[] = [];
  let next: readonly number[] = [
    sampler.next((await opened.prefill([Int32Array.from(prompt)])).subarray(0, words)),
  ];
  for (;;) {
    for (const id of next) {
      if (ends.has(id)) return { ids, ended: "eos" };
      ids.push(id);
      if (isOver(ids)) return { ids, ended: "length" };
    }
    const last = ids[ids.length - 1];
    if (!draft) {
      next = [sampler.next((await opened.step([last])).subarray(0, words))];
      continue;
    }
    const round = await draftRound(opened, last, { sampler, tokens: draft(ids), words });
    onRound?.(round);
    next = round.ids;
  }
}

/** The tokens that end a text: the tokenizer's, and those of the configuration, which may list several. */
export function endsOf({ config }: StudyModel, { eos }: Tokenizer): Set<unknown> {
  const configured = [config.eos_token_id].flat().filter((id) => typeof id === "number");
  return new Set(eos === null ? configured : [eos, ...configured]);
}
