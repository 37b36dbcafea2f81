/** Checkpoints as named tensors, one layer at a time. */
export { type GgufFile, openGguf } from "./gguf.ts";
export type { GgufNumbers, GgufValue } from "./gguf_value.ts";
export type { Allocate, PagedFile } from "./file.ts";
export { type CheckpointFiles, openSafetensors } from "./safetensors.ts";
export type { Lease, TensorFile, TensorInfo, WeightSource } from "./source.ts";
