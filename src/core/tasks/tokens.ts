/** Requests → tokens, as lm-eval's Hugging Face backend makes them. */
import type { Tokenizer } from "../text/mod.ts";
import { rstrip } from "./python.ts";

/** Whether texts begin with BOS: as the tokenizer's files say (lm-eval since 0.4.9.2), never (the paper, lm-eval before), or always. */
export type BosRule = "tokenizer" | "never" | "always";

/** What is fed, and what is scored after it. */
export type PairTokens = { readonly context: readonly number[]; readonly continuation: readonly number[] };

/** Ids of a text, BOS in front by the rule; none where the text itself begins with it. */
export function encodeText(tokenizer: Tokenizer, text: string, bos: BosRule): number[] {
  const ids = tokenizer.encode(text);
  const adds = bos === "always" || (bos === "tokenizer" && tokenizer.addsBos);
  if (!adds || tokenizer.bos === null) return ids;
  return text.startsWith(tokenizer.decode([tokenizer.bos])) ? ids : [tokenizer.bos, ...ids];
}

/**
 * Tokens of a context and of what follows it. White space at the context's end goes to the continuation, whose tokens
 * are those of the whole text without as many as the context has: by count, even where the tokenizer merges across the
 * border.
 *
 * @throws RangeError if no token is left for one of the two
 */
export function pairTokens(
  tokenizer: Tokenizer,
  context: string,
  continuation: string,
  { bos }: { readonly bos: BosRule },
): PairTokens {
  const pair = context === ""
    ? alone(tokenizer, continuation)
    : together(tokenizer, context, continuation, bos);
  const lacks = (["context", "continuation"] as const).find((part) => pair[part].length === 0);
  if (lacks === undefined) return pair;
  throw new RangeError(
    `Cannot score ${JSON.stringify(continuation.slice(0, 40))}: its ${lacks} has no token, expected at ` +
      "least one",
  );
}

function together(tokenizer: Tokenizer, context: string, continuation: string, bos: BosRule): PairTokens {
  const head = rstrip(context);
  const first = encodeText(tokenizer, head, bos);
  const whole = encodeText(tokenizer, context + continuation, bos);
  return { context: first, continuation: whole.slice(first.length) };
}

/** After nothing: BOS, or EOS where there is none, is the context. */
function alone(tokenizer: Tokenizer, continuation: string): PairTokens {
  const prefix = tokenizer.bos ?? tokenizer.eos;
  if (prefix === null) {
    throw new RangeError(
      "Cannot score a text without context: the tokenizer has neither BOS nor EOS, expected one of them",
    );
  }
  const ids = tokenizer.encode(continuation);
  return ids[0] === prefix
    ? { context: [prefix], continuation: ids.slice(1) }
    : { context: [prefix], continuation: ids };
}

/**
 * The input for a pair, whose last `targets.length` positions predict `targets`: at most `maxLength` tokens, what is too long cut from the
 * left.
 *
 * @throws RangeError if the continuation alone is longer
 */
export function feed({ context, continuation }: PairTokens, maxLength: number) {
  if (continuation.length > maxLength) {
    throw new RangeError(
      `Cannot score a continuation of ${continuation.length} tokens: expected at most ${maxLength}`,
    );
  }
  const all = [...context, ...continuation];
  const cut = Math.max(0, all.length - (maxLength + 1));
  return { input: all.slice(cut, -1), targets: continuation, cut };
}
