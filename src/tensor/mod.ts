/** Tensors in CPU memory: element types, shapes, half-precision formats. */
export {
  blockBytes,
  blockColumns,
  type BlockFormat,
  type BlockMatrix,
  blockRows,
  formatOf,
  middleOf,
  orderedRows,
  stackedRows,
  widened,
} from "./blocks.ts";
export {
  aligned,
  bf16ToF32,
  byteSize,
  bytesOf,
  type DType,
  elements,
  float32,
  type Tensor,
  toFloat32,
  viewOf,
} from "./tensor.ts";
export { normalTable, TABLE_SIZE, TABLE_UNIT } from "./normal_table.ts";
export { normalPool } from "./normal_pool.ts";
export { permutation } from "./permutation.ts";
export { fillNormal, fillRows, type NormalRows, philox, type StreamKeys, streamKeys } from "./random.ts";
export {
  bufferAt,
  type Memory,
  memoryOf,
  type Named,
  openThreads,
  serve,
  THREADS,
  threadsAllowed,
} from "./threads.ts";
