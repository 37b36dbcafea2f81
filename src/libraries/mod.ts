/** Devices from below: where CUDA's shared libraries lie on this machine, lists as C has them, and the WebGPU device. */
export { cudaFolder, cudaLibraries, openCudaLibrary } from "./cuda.ts";
export { pointerList } from "./pointers.ts";
export { openWebgpuDevice, type WebgpuDevice } from "./webgpu.ts";
