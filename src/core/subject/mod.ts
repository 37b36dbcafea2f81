/** Subjects of studies: opened models, texts, series of checkpoints, configurations. */
export * from "./configs.ts";
export * from "./sizes.ts";
export * from "./model.ts";
export * from "./repack.ts";
export * from "./series.ts";
export * from "./texts.ts";
export * from "./tokenizers.ts";
export * from "./zipf.ts";
