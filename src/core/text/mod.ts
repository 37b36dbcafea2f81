/** Text: tokenizers, documents, packing, rows of data sets. */
export * from "./text_file.ts";
export * from "./formats/gguf_tokenizer.ts";
export * from "./tokenizer/from_file.ts";
export * from "./formats/gguf_write.ts";
export * from "./ids_file.ts";
export * from "./named_text.ts";
export * from "./packing.ts";
export * from "./rows.ts";
export * from "./shared_runs.ts";
export * from "./formats/sentencepiece.ts";
export * from "./formats/vocabulary_files.ts";
export * from "./tokenizer/tokenizer.ts";
