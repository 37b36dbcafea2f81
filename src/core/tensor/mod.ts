/** Tensors in CPU memory: element types, shapes, half-precision formats. */
export * from "./blocks.ts";
export * from "./tensor.ts";
export * from "./normal_table.ts";
export * from "./random.ts";
export * from "./threads.ts";
