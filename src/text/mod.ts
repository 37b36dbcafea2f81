/** Text: tokenizers, documents, packing, rows of data sets. */
export { readDocuments } from "./text_file.ts";
export { definitionFromGguf, tokenizerFromGguf } from "./formats/gguf_tokenizer.ts";
export { fromFile } from "./tokenizer/from_file.ts";
export { type GgufTokens, ggufVocabulary } from "./formats/gguf_write.ts";
export { blocksOfIds, readIds } from "./ids_file.ts";
export { namedText, TEXT_NAMES } from "./named_text.ts";
export {
  blockHashes,
  type Blocks,
  type Document,
  idsByBlock,
  MAX_TOKENS,
  packBlocks,
  type Packing,
} from "./packing.ts";
export { readRows, type Row } from "./rows.ts";
export { type Ids, runsOf, sharedShare } from "./shared_runs.ts";
export { tokenizerFromSentencePiece } from "./formats/sentencepiece.ts";
export { tokenizerFromVocabulary } from "./formats/vocabulary_files.ts";
export { type ConfiguredIds, type Tokenizer, tokenizerFromJson } from "./tokenizer/tokenizer.ts";
