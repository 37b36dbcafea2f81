/** Devices that run graphs; the only importer of ONNX Runtime. */
export { cpuEngine } from "./cpu.ts";
export type { Engine, Feeds, Held, Program } from "./engine.ts";
