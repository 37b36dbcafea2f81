/**
 * The text that each token adds, token by token.
 *
 * A character may take several tokens: until it is complete it decodes as U+FFFD, and the text waits for the token that
 * completes it. Only a few tokens before the new one are decoded again, so a long text costs no more than a short one.
 */
import type { Tokenizer } from "../../text/mod.ts";

/** Tokens of context that decoders look back over: whether a word begins with a space is in its neighbour. */
const CONTEXT = 4;

/** Returns the text that the next token adds after those of the prompt; the last call returns what was held back. */
export function incremental(
  tokenizer: Tokenizer,
  prompt: readonly number[],
): (id: number, last: boolean) => string {
  const ids = prompt.slice(-CONTEXT);
  let from = 0;
  let told = ids.length;
  return (id, last) => {
    ids.push(id);
    const known = tokenizer.decode(ids.slice(from, told));
    const text = tokenizer.decode(ids.slice(from));
    if (text.endsWith("\ufffd") && !last) return "";
    from = Math.max(0, told - CONTEXT);
    told = ids.length;
    return text.slice(known.length);
  };
}
