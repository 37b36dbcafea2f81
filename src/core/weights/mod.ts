/** Checkpoints as named tensors, one layer at a time. */
export * from "./blocks/encode.ts";
export * from "./content.ts";
export * from "./cut.ts";
export * from "./derived.ts";
export * from "./entry.ts";
export * from "./file.ts";
export * from "./gguf/encode.ts";
export * from "./gguf/open.ts";
export * from "./gguf/types.ts";
export * from "./gguf/value.ts";
export * from "./layered.ts";
export * from "./packed/open.ts";
export * from "./packed/matrix.ts";
export * from "./safetensors/mxfp4.ts";
export * from "./safetensors/open.ts";
export * from "./safetensors/header.ts";
export * from "./source.ts";
