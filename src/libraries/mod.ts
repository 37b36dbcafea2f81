/** Devices from below: CUDA's shared libraries on this machine, texts and lists for C, and the WebGPU device. */
export { cudaFolder, cudaLibraries, openCudaLibrary } from "./cuda.ts";
export { cString, pointerList } from "./pointers.ts";
export { bufferUsage, openWebgpuDevice, popErrors, pushErrors } from "./webgpu.ts";
