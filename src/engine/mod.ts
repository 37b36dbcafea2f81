/** Devices that run graphs; the only importer of ONNX Runtime. */
export { cpuEngine } from "./native/cpu.ts";
export { cudaEngine } from "./native/cuda.ts";
export { ENGINES, openEngine, PRECISIONS, precisionsOf, type Wanted } from "./open.ts";
export { webgpuEngine } from "./web/web.ts";
export type {
  Access,
  CudaAccess,
  Engine,
  EngineName,
  Feeds,
  Has,
  Held,
  Precision,
  Program,
  RunOptions,
  WebgpuAccess,
} from "./engine.ts";
