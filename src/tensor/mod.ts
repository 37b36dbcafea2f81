/** Tensors in CPU memory: element types, shapes, half-precision formats. */
export { byteSize, type DType, type TypedArray, viewOf } from "./dtype.ts";
export { bf16ToF32, f16ToF32 } from "./half.ts";
export { normalTable, TABLE_SIZE, TABLE_UNIT } from "./normal_table.ts";
export { type NormalPool, normalPool } from "./normal_pool.ts";
export { permutation } from "./permutation.ts";
export { fillNormal, fillRows, type NormalRows, philox, type StreamKeys, streamKeys } from "./random.ts";
export { elements, float32, type Tensor, toFloat32 } from "./tensor.ts";
export { bufferAt, type Memory, memoryOf, openThreads, serve, THREADS, type Threads } from "./threads.ts";
