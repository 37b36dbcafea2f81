/** The ways to run attention over windows. */
import { type Engine, webgpuEngine } from "../../../src/engine/mod.ts";
import { engine, engineWith } from "../../support.ts";

/** Ways to run attention; in words, why one does not run here. A device that the CPU plays is slow. */
export const engines: Record<string, { on: Engine | string; names?: readonly string[] }> = {
  "the CPU's": { on: engine },
  "CUDA's": { on: engineWith({ attention: "standard", masked: "standard" }) },
  decomposed: { on: engineWith({ attention: "decomposed", masked: "decomposed" }) },
  "WebGPU's": { on: await webgpuEngine().catch((error: Error) => error.message), names: ["llama", "gemma3"] },
};
