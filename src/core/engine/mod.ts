/** Devices that run graphs; the only importer of ONNX Runtime. */
export * from "./native/cpu.ts";
export * from "./native/memory.ts";
export * from "./native/cuda.ts";
export * from "./native/openvino.ts";
export * from "./open.ts";
export * from "./lent.ts";
export * from "./residents.ts";
export * from "./trial.ts";
export * from "./web/web.ts";
export * from "./engine.ts";
export { cpuLowering } from "../onnx/mod.ts";
