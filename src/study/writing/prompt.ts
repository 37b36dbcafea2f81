/** A text as the tokens of a prompt. */
import type { Tokenizer } from "../../text/mod.ts";

/** Encodes a prompt, with BOS first if `bos` asks for it. Throws `TypeError` for a model without one. */
export function promptIds(model: string, tokenizer: Tokenizer, text: string, bos: boolean): number[] {
  if (!bos) return [...tokenizer.encode(text)];
  if (tokenizer.bos === null) {
    throw new TypeError(`Cannot begin with BOS: ${model} has no BOS token, expected one`);
  }
  return [tokenizer.bos, ...tokenizer.encode(text)];
}
