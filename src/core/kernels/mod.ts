/** Compute kernels on WebGPU and CUDA, over an engine's memory, and the plain reference each is checked against. */
export * from "./attention_stats.ts";
export * from "./checks.ts";
export * from "./kernel.ts";
export * from "./layer_gram.ts";
export * from "./cuda.ts";
export * from "./random_normal.ts";
export * from "./token_smoothing.ts";
