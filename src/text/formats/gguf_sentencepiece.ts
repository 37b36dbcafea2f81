/**
 * SentencePiece's BPE of GGUF files (`tokenizer.ggml.model` = "llama"): Llama 1 and 2, Mistral, Gemma. Converters write a
 * user-defined token with spaces instead of "▁", which is undone.
 */
import { flag, type GgufVocabulary, type Metadata, numbers, tokenId, TokenType } from "./gguf_metadata.ts";
import type { Definition } from "../tokenizer/definition.ts";
import { piecesDefinition } from "./pieces.ts";

/** The `tokenizer.json` object of a SentencePiece vocabulary. */
export function sentencePieceDefinition(metadata: Metadata, { tokens, types }: GgufVocabulary): Definition {
  return piecesDefinition({
    kind: "bpe",
    tokens: tokens.map((token, id) =>
      types[id] === TokenType.userDefined ? token.replaceAll(" ", "▁") : token
    ),
    scores: numbers(metadata, "scores", tokens.length),
    types,
    unknown: tokenId(metadata, "unknown_token_id", tokens.length),
    byteFallback: true,
    prefix: flag(metadata, "add_space_prefix", true),
  });
}
