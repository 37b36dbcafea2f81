/**
 * SentencePiece's vocabularies, from a GGUF file or from `tokenizer.model`, as a `tokenizer.json` object.
 *
 * SentencePiece's BPE merges, again and again, the neighbours whose union is the token with the highest score. Hugging
 * Face's BPE wants a list of merges instead: every way to cut a token into two tokens, ordered by the score of the
 * whole, then by the longer left and the longer right part. That order reproduces the published `tokenizer.json`
 * of Gemma 3 exactly, all 514906 merges.
 */
import { refusal, sum } from "../../entry/mod.ts";
import { addedTokens, idsOf, TokenType } from "./gguf_metadata.ts";
import type { Definition } from "../tokenizer/definition.ts";

/** Longest token that is cut, in UTF-16 units. Gemma's longest has 31; cutting a token costs its length squared. */
const MAX_TOKEN_LENGTH = 512;

/** Most work in cutting all tokens, in squares of their lengths: twenty times Gemma's. */
const MOST_WORK = 2 ** 28;

/** Score of a user-defined token in a Unigram model. */
const USER_DEFINED = -0.1;

/** Tokens with scores. Lists have one entry per token; spaces are "▁". */
export interface Pieces {
  readonly kind: "unigram" | "bpe";
  readonly tokens: readonly string[];
  readonly scores: ArrayLike<number>;
  /** As in GGUF files: `TokenType`. */
  readonly types: ArrayLike<number>;
  /** The token for what is unknown; null for none. */
  readonly unknown: number | null;
  /** Whether what is unknown becomes tokens of its bytes. */
  readonly byteFallback: boolean;
  /** Whether a text is given a space in front. */
  readonly prefix: boolean;
}

/** The `tokenizer.json` object of a SentencePiece vocabulary. User-defined tokens are matched first, whatever their scores. */
export function piecesDefinition(pieces: Pieces): Definition {
  const { kind, tokens, types, prefix } = pieces;
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
    model: kind === "bpe" ? bpeModel(pieces) : unigramModel(pieces),
  };
}

function bpeModel({ tokens, types, scores, unknown, byteFallback }: Pieces): Definition["model"] {
  const ids = idsOf(tokens);
  const own = Float64Array.from(
    scores,
    (score, id) => types[id] === TokenType.userDefined ? Infinity : score,
  );
  return {
    type: "BPE",
    vocab: Object.fromEntries(ids),
    merges: mergesByScore(tokens, types, own, ids),
    unk_token: unknown === null ? null : tokens[unknown],
    fuse_unk: true,
    byte_fallback: byteFallback,
  };
}

/**
 * Tokens that no text has inside (controls, bytes) have no score, and are not looked for. A user-defined token has SentencePiece's
 * own bonus: scores are logarithms of probabilities, and hardly any sum of them is above it.
 */
function unigramModel({ tokens, types, scores, unknown, byteFallback }: Pieces): Definition["model"] {
  const scoreOf = (id: number) => {
    if (types[id] === TokenType.userDefined) return USER_DEFINED;
    return types[id] === TokenType.normal ? scores[id] : null;
  };
  return {
    type: "Unigram",
    vocab: tokens.map((token, id) => [token, scoreOf(id)]),
    unk_id: unknown,
    byte_fallback: byteFallback,
  };
}

/** All merges, most important first: by score, and one token's (or tied tokens') by the lengths of the parts. */
function mergesByScore(
  tokens: readonly string[],
  types: ArrayLike<number>,
  scores: Float64Array,
  ids: ReadonlyMap<string, number>,
): [string, string][] {
  if (sum(tokens, ({ length }) => length ** 2) > MOST_WORK) {
    const why = "its tokens are too long in total, expected words and parts of words";
    throw refusal(RangeError, "build a tokenizer", why);
  }
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
    const why = `a token of ${token.length} characters, expected at most ${MAX_TOKEN_LENGTH}`;
    throw refusal(RangeError, "build a tokenizer", why);
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
