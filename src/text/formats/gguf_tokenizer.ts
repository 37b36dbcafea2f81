/**
 * The tokenizer that a GGUF file carries in its metadata (`tokenizer.ggml.*`), rebuilt as a `tokenizer.json` object.
 *
 * Two kinds are in use. `gpt2` is byte-level BPE: tokens, merges, and the name of a pre-tokenizer. `llama` is
 * SentencePiece's BPE: tokens with scores, no merges. Both list a type for every token; those of type CONTROL and
 * USER_DEFINED are Hugging Face's added tokens, recognised in a text before anything else happens to it.
 */
import { PRE_TOKENIZERS } from "./gguf_pre_tokenizers.ts";
import { byteLevelDefinition } from "./gguf_byte_level.ts";
import { sentencePieceDefinition } from "./gguf_sentencepiece.ts";
import {
  flag,
  type GgufVocabulary,
  type Metadata,
  numbers,
  strings,
  tokenId,
  TokenType,
} from "./gguf_metadata.ts";
import { type Definition, MAX_VOCABULARY } from "../tokenizer/definition.ts";
import { buildTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Builds a tokenizer from the metadata of a GGUF file.
 *
 * @param metadata keys as in the file; arrays of numbers may be typed arrays
 * @throws TypeError for a missing or wrongly typed entry, RangeError for lengths and ids out of range, and a
 *   TypeError that names it for an unknown kind of tokenizer or pre-tokenizer
 */
export function tokenizerFromGguf(metadata: Metadata): Tokenizer {
  const vocabulary = readVocabulary(metadata);
  const size = vocabulary.tokens.length;
  const bos = () => tokenId(metadata, "bos_token_id", size);
  const eos = () => tokenId(metadata, "eos_token_id", size);
  const adds = (otherwise: boolean) => flag(metadata, "add_bos_token", otherwise);
  const definition = definitionOf(metadata, vocabulary);
  return buildTokenizer(
    definition,
    bos,
    eos,
    adds(metadata.get("tokenizer.ggml.model") === "llama" || addsBosUnsaid(metadata)),
  );
}

/** Whether the file's pre-tokenizer is of models whose texts begin with BOS where the file says nothing. */
function addsBosUnsaid(metadata: Metadata): boolean {
  return PRE_TOKENIZERS.get(metadata.get("tokenizer.ggml.pre"))?.addsBos ?? false;
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
      return sentencePieceDefinition(metadata, vocabulary);
    default:
      throw new TypeError(
        `Cannot read tokenizer.ggml.model: ${JSON.stringify(kind)}, expected "gpt2" or "llama"`,
      );
  }
}

function readVocabulary(metadata: Metadata): GgufVocabulary {
  const tokens = strings(metadata, "tokens");
  if (tokens.length === 0 || tokens.length > MAX_VOCABULARY) {
    throw new RangeError(
      `Cannot read tokenizer.ggml.tokens: ${tokens.length} tokens, expected 1 to ${MAX_VOCABULARY}`,
    );
  }
  const types = metadata.has("tokenizer.ggml.token_type")
    ? numbers(metadata, "token_type", tokens.length)
    : new Uint8Array(tokens.length).fill(TokenType.normal);
  return { tokens, types };
}
