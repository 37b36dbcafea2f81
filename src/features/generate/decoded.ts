/** From a prompt to the ids and the text that a decoder writes. */
import { largestAt } from "core/measure/mod.ts";
import type { Decoder } from "core/run/decode/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Tokenizer } from "core/text/mod.ts";

interface Writing {
  readonly tokenizer: Tokenizer;
  readonly ends: ReadonlySet<unknown>;
  /** Gets all ids so far after each; whether the text is over. */
  readonly isOver: (ids: readonly number[]) => boolean;
}

/** The ids that follow a prompt, each the most probable one, without the one that ends them, and what ended them. */
export async function decoded(
  opened: Pick<Decoder, "prefill" | "step">,
  prompt: readonly number[],
  { tokenizer, ends, isOver }: Writing,
): Promise<{ ids: number[]; ended: "eos" | "length" }> {
  const words = tokenizer.vocabularySize; // an embedding may have rows that no token has
  const ids: number[] = [];
  let logits = await opened.prefill([Int32Array.from(prompt)]);
  for (;;) {
    const id = largestAt(logits.subarray(0, words));
    if (ends.has(id)) return { ids, ended: "eos" };
    ids.push(id);
    if (isOver(ids)) return { ids, ended: "length" };
    logits = await opened.step([id]);
  }
}

/** The tokens that end a text: the tokenizer's, and those of the configuration, which may list several. */
export function endsOf({ config }: StudyModel, { eos }: Tokenizer): Set<unknown> {
  const configured = [config.eos_token_id].flat().filter((id) => typeof id === "number");
  return new Set(eos === null ? configured : [eos, ...configured]);
}

/** Tokens of context that decoders look back over: whether a word begins with a space is in its neighbour. */
const CONTEXT = 4;

/**
 * Returns the text that the next token adds after those of the prompt; the last call returns what was held back. A character may take
 * several tokens: until it is complete it decodes as U+FFFD, and the text waits for the token that completes it. Only a few tokens before
 * the new one are decoded again, so a long text costs no more than a short one.
 */
export function incremental(tokenizer: Tokenizer, prompt: readonly number[]) {
  const ids = prompt.slice(-CONTEXT);
  let from = 0;
  let told = ids.length;
  return (id: number, last: boolean) => {
    ids.push(id);
    const known = tokenizer.decode(ids.slice(from, told));
    const text = tokenizer.decode(ids.slice(from));
    if (text.endsWith("\ufffd") && !last) return "";
    from = Math.max(0, told - CONTEXT);
    told = ids.length;
    return text.slice(known.length);
  };
}

/** Encodes a prompt, with BOS first if `bos` asks for it. Throws `TypeError` for a model without one. */
export function promptIds(model: string, tokenizer: Tokenizer, text: string, bos: boolean): number[] {
  if (!bos) return [...tokenizer.encode(text)];
  if (tokenizer.bos === null) {
    throw new TypeError(`Cannot begin with BOS: ${model} has no BOS token, expected one`);
  }
  return [tokenizer.bos, ...tokenizer.encode(text)];
}
