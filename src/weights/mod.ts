/** Checkpoints as named tensors, one layer at a time. */
export { type Content, contentOf, type OutTensor, PART_BYTES, ranges, zeros } from "./content.ts";
export { cutTensor, cutTensors, joinTensors, withZeros } from "./cut.ts";
export type { Allocate, PagedFile } from "./file.ts";
export { type GgufFile, openGguf } from "./gguf.ts";
export { ggufBytes, ggufContent } from "./gguf_write.ts";
export type { GgufNumbers, GgufValue } from "./gguf_value.ts";
export { layered, type LayeredOptions, readRef, rowsIn, type TensorRef } from "./layered.ts";
export { withMxfp4 } from "./mxfp4.ts";
export { type CheckpointFiles, openSafetensors } from "./safetensors.ts";
export { safetensorsContent, writeSafetensors } from "./safetensors_write.ts";
export type { Cut, Drawn, Lease, TensorFile, TensorInfo, WeightSource } from "./source.ts";
