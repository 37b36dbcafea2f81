/** Shared libraries that are called by FFI: where CUDA's lie on this machine, and lists as C has them. */
export { cudaFolder, cudaLibraries, openCudaLibrary } from "./cuda.ts";
export { pointerList } from "./pointers.ts";
