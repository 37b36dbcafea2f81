/** Checkpoints as named tensors, one layer at a time. */
export { type Content, contentOf, type OutTensor, PART_BYTES, ranges, zeros } from "./content.ts";
export { blockCuts, cutTensor, cutTensors, joinTensors, withZeros } from "./cut.ts";
export { type Allocate } from "./entry.ts";
export { commonType, type PagedFile } from "./file.ts";
export { type GgufFile, openGguf } from "./gguf/open.ts";
export { ggufBytes, ggufContent } from "./gguf/write.ts";
export type { GgufValue } from "./gguf/value.ts";
export { layered, readRef, rowsIn, type TensorRef } from "./layered.ts";
export { withPacked } from "./packed/open.ts";
export type { Packing } from "./packed/packing.ts";
export { withMxfp4 } from "./safetensors/mxfp4.ts";
export { type CheckpointFiles, openSafetensors } from "./safetensors/open.ts";
export { safetensorsContent, safetensorsOf, writeSafetensors } from "./safetensors/write.ts";
export type {
  Cut,
  Drawn,
  KeepsBlocks,
  Lease,
  Storage,
  TensorFile,
  TensorInfo,
  WeightSource,
} from "./source.ts";
