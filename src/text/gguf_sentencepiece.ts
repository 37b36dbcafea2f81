/**
 * SentencePiece's BPE of GGUF files (`tokenizer.ggml.model` = "llama"): Llama 1 and 2, Mistral, Gemma.
 *
 * SentencePiece merges, again and again, the neighbours whose union is the token with the highest score. Hugging
 * Face's BPE wants a list of merges instead: every way to cut a token into two tokens, ordered by the score of the
 * whole, then by the longer left and the longer right part. That order reproduces the published `tokenizer.json`
 * of Gemma 3 exactly, all 514906 merges.
 *
 * Two things are undone on the way: converters write a user-defined token with spaces instead of "▁" and with an
 * arbitrary score (they are matched first in SentencePiece, so theirs is above all others here).
 */
import {
  addedTokens,
  flag,
  type GgufVocabulary,
  idsOf,
  type Metadata,
  numbers,
  tokenId,
  TokenType,
} from "./gguf_metadata.ts";
import type { Definition } from "./definition.ts";

/** Longest token that is cut, in UTF-16 units. Gemma's longest has 31; cutting a token costs its length squared. */
const MAX_TOKEN_LENGTH = 512;

/** The `tokenizer.json` object of a SentencePiece vocabulary. */
export function sentencePieceDefinition(metadata: Metadata, stored: GgufVocabulary): Definition {
  const { types } = stored;
  const tokens = stored.tokens.map((token, id) =>
    types[id] === TokenType.userDefined ? token.replaceAll(" ", "▁") : token
  );
  const scores = Float64Array.from(
    numbers(metadata, "scores", tokens.length),
    (score, id) => types[id] === TokenType.userDefined ? Infinity : score,
  );
  const unknown = tokenId(metadata, "unknown_token_id", tokens.length);
  const ids = idsOf(tokens);
  const prefix = flag(metadata, "add_space_prefix", true);
  const replaceSpaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    normalizer: prefix
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, replaceSpaces] }
      : replaceSpaces,
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    added_tokens: addedTokens({ tokens, types }),
    model: {
      type: "BPE",
      vocab: Object.fromEntries(ids),
      merges: mergesByScore(tokens, types, scores, ids),
      unk_token: unknown === null ? null : tokens[unknown],
      fuse_unk: true,
      byte_fallback: true,
    },
  };
}

/** All merges, most important first: by score, and one token's (or tied tokens') by the lengths of the parts. */
function mergesByScore(
  tokens: readonly string[],
  types: ArrayLike<number>,
  scores: Float64Array,
  ids: ReadonlyMap<string, number>,
): [string, string][] {
  const order = Uint32Array.from(tokens.keys())
    .filter((id) => types[id] === TokenType.normal || types[id] === TokenType.userDefined)
    .sort((a, b) => scores[a] === scores[b] ? a - b : scores[b] - scores[a]);
  const merges: [string, string][] = [];
  for (let from = 0, to = 0; from < order.length; from = to) {
    const start = merges.length;
    while (to < order.length && scores[order[to]] === scores[order[from]]) {
      addCuts(tokens[order[to++]], ids, merges);
    }
    if (to - from === 1) continue;
    const tied = merges.splice(start).sort(byLengths);
    for (const merge of tied) merges.push(merge);
  }
  return merges;
}

/** Adds every way to cut a token into two tokens, the longest left part first. Half a surrogate pair is no token. */
function addCuts(token: string, ids: ReadonlyMap<string, number>, merges: [string, string][]): void {
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new RangeError(
      `Cannot read tokenizer.ggml.tokens: a token of ${token.length} characters, expected at most ${MAX_TOKEN_LENGTH}`,
    );
  }
  for (let at = token.length - 1; at > 0; at--) {
    const left = token.slice(0, at);
    if (!ids.has(left)) continue;
    const right = token.slice(at);
    if (ids.has(right)) merges.push([left, right]);
  }
}

/** Order among tokens of equal score: the longer left part, then the longer right part, in characters. */
const byLengths = (a: [string, string], b: [string, string]) =>
  length(b[0]) - length(a[0]) || length(b[1]) - length(a[1]);

const length = (text: string) => [...text].length;
