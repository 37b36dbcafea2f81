/**
 * The tokenizer that a GGUF file carries in its metadata (`tokenizer.ggml.*`), rebuilt as a `tokenizer.json` object.
 *
 * Two kinds are in use. `gpt2` is byte-level BPE: tokens, merges, and the name of a pre-tokenizer. `llama` is
 * SentencePiece's BPE: tokens with scores, no merges. Both list a type for every token; those of type CONTROL and
 * USER_DEFINED are Hugging Face's added tokens, recognised in a text before anything else happens to it.
 */
import { PRE_TOKENIZERS } from "./gguf_pre_tokenizers.ts";
import { byteLevelDefinition } from "./gguf_byte_level.ts";
import { type Pieces, piecesDefinition } from "./pieces.ts";
import {
  flag,
  type GgufVocabulary,
  type Metadata,
  numbers,
  refusedEntry,
  strings,
  tokenId,
  TokenType,
} from "./gguf_metadata.ts";
import { shown } from "../../entry/mod.ts";
import { type Definition, MAX_VOCABULARY } from "../tokenizer/definition.ts";
import { buildTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Builds a tokenizer from the metadata of a GGUF file, whose lists of numbers may be typed arrays. Throws `TypeError` for an entry that is
 * missing or of another type and for an unknown kind of tokenizer or pre-tokenizer, `RangeError` for lengths and ids out of range.
 */
export function tokenizerFromGguf(metadata: Metadata): Tokenizer {
  const vocabulary = readVocabulary(metadata);
  const size = vocabulary.tokens.length;
  const usuallyAddsBos = metadata.get("tokenizer.ggml.model") === "llama" ||
    PRE_TOKENIZERS.get(metadata.get("tokenizer.ggml.pre"))?.addsBos === true;
  return buildTokenizer(
    definitionOf(metadata, vocabulary),
    () => tokenId(metadata, "bos_token_id", size),
    () => tokenId(metadata, "eos_token_id", size),
    flag(metadata, "add_bos_token", usuallyAddsBos),
  );
}

/** The `tokenizer.json` object alone. Throws as `tokenizerFromGguf` does. */
export function definitionFromGguf(metadata: Metadata): Definition {
  return definitionOf(metadata, readVocabulary(metadata));
}

function definitionOf(metadata: Metadata, vocabulary: GgufVocabulary): Definition {
  const kind = metadata.get("tokenizer.ggml.model");
  switch (kind) {
    case "gpt2":
      return byteLevelDefinition(metadata, vocabulary);
    case "llama":
      return piecesDefinition(piecesOf(metadata, vocabulary));
    default:
      throw refusedEntry(TypeError, "model", shown(kind), '"gpt2" or "llama"');
  }
}

/** The pieces of a SentencePiece vocabulary. Converters write a user-defined token with spaces instead of "▁", which is undone. */
function piecesOf(metadata: Metadata, { tokens, types }: GgufVocabulary): Pieces {
  const isDefined = (id: number) => types[id] === TokenType.userDefined;
  return {
    kind: "bpe",
    tokens: tokens.map((token, id) => isDefined(id) ? token.replaceAll(" ", "▁") : token),
    scores: numbers(metadata, "scores", tokens.length),
    types,
    unknown: tokenId(metadata, "unknown_token_id", tokens.length),
    byteFallback: true,
    prefix: flag(metadata, "add_space_prefix", true),
  };
}

function readVocabulary(metadata: Metadata): GgufVocabulary {
  const tokens = strings(metadata, "tokens");
  if (tokens.length === 0 || tokens.length > MAX_VOCABULARY) {
    throw refusedEntry(RangeError, "tokens", `${tokens.length} tokens`, `1 to ${MAX_VOCABULARY}`);
  }
  const types = metadata.has("tokenizer.ggml.token_type")
    ? numbers(metadata, "token_type", tokens.length)
    : new Uint8Array(tokens.length).fill(TokenType.normal);
  return { tokens, types };
}
