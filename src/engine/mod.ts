/** Devices that run graphs; the only importer of ONNX Runtime. */
export { cpuEngine } from "./native/cpu.ts";
export { availableBytes } from "./native/memory.ts";
export { cudaEngine } from "./native/cuda.ts";
export { returnFreedMemory } from "./native/trim.ts";
export { ENGINES, openEngine, PRECISIONS, precisionsOf, tryProduct, type Wanted } from "./open.ts";
export { openResidents, type Place, type Resident, type Residents } from "./residents.ts";
export { webgpuEngine } from "./web/web.ts";
export { engineWithin } from "./within.ts";
export type {
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
