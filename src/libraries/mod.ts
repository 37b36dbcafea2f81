/** Devices from below: CUDA's shared libraries on this machine, texts and lists for C, and the WebGPU device. */
export * from "./cuda.ts";
export * from "./pointers.ts";
export * from "./webgpu.ts";
