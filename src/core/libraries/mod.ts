/** Devices from below: processes for them, CUDA's shared libraries on this machine, texts and lists for C, and the WebGPU device. */
export * from "./apart.ts";
export * from "./cuda.ts";
export * from "./ggml.ts";
export * from "./llama.ts";
export * from "./pointers.ts";
export * from "./webgpu.ts";
