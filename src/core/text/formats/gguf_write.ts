/**
 * A `tokenizer.json` in the form of a GGUF file, the inverse of `gguf_byte_level.ts`. This works only for byte-level BPE, since a
 * `tokenizer.json` lacks SentencePiece's scores, and only for pre-tokenizers that have a name.
 */
import type { AddedToken } from "../tokenizer/added_tokens.ts";
import { type Definition, readDefinition, sizeOf } from "../tokenizer/definition.ts";
import { preTokenizerName } from "./gguf_byte_level.ts";
import { TokenType } from "./gguf_metadata.ts";

/** Lists of a GGUF file's metadata. */
export interface GgufTokens {
  /** The pre-tokenizer's name. */
  readonly pre: string;
  /** By id; as many as the embedding has rows. */
  readonly tokens: readonly string[];
  /** `TokenType` of each. */
  readonly types: readonly number[];
  /** "left right", most important first. */
  readonly merges: readonly string[];
}

/**
 * The lists for a parsed `tokenizer.json` and an embedding of `rows` rows, or why there are none: "has …, expected …".
 * Throws `TypeError` for an object that is not a tokenizer.
 */
export function ggufVocabulary(json: unknown, rows: number): GgufTokens | string {
  const definition = readDefinition(json);
  const obstacle = obstacleOf(definition);
  if (obstacle !== null) return obstacle;
  const pre = preTokenizerName(definition);
  if (pre === null) return "splits words in a way that has no name in GGUF files";
  const size = sizeOf(definition);
  if (size > rows) return `has ${size} tokens, expected at most the ${rows} rows of the embedding`;
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const types: number[] = Array(rows).fill(TokenType.unused);
  const put = (token: string, id: number, type: number) => {
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(definition.model.vocab)) {
    put(token, id as number, TokenType.normal);
  }
  for (const { content, id, special } of definition.added_tokens) {
    put(content, id, special ? TokenType.control : TokenType.userDefined);
  }
  const merges = (definition.model.merges as (string | string[])[])
    .map((merge) => typeof merge === "string" ? merge : merge.join(" "));
  return { pre, tokens, types, merges };
}

/** The part of a tokenizer that a GGUF file cannot express, or null. */
function obstacleOf({ model, added_tokens }: Definition): string | null {
  const { type, byte_fallback, dropout, continuing_subword_prefix, end_of_word_suffix } = model;
  if (type !== "BPE") return `is ${type}, expected byte-level BPE`;
  if (byte_fallback) {
    return "is SentencePiece's (byte_fallback), whose scores it lacks, expected byte-level BPE";
  }
  if (dropout || continuing_subword_prefix || end_of_word_suffix) {
    return "has dropout, continuing_subword_prefix or end_of_word_suffix, expected none of them";
  }
  const odd = (["single_word", "lstrip", "rstrip"] as const)
    .flatMap((flag) => added_tokens.filter((token: AddedToken) => token[flag]).map((token) => [token, flag]));
  if (odd.length === 0) return null;
  const [token, flag] = odd[0] as [AddedToken, string];
  return `has the added token ${JSON.stringify(token.content)} with ${flag}, expected it without`;
}
