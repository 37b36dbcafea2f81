/** Shared libraries of CUDA, and where they lie on this machine. */
export { cudaFolder, cudaLibraries, openCudaLibrary } from "./cuda.ts";
