/** Plans of windows, the cases of fixtures/make_windows.py, and the ways to run attention over them. */
import type { Change, DropPlan } from "../../../src/measure/mod.ts";
import type { Model } from "../../../src/models/mod.ts";
import { dropPlan, keepTensors } from "../../../src/run/mod.ts";
import { float32, type Tensor } from "../../../src/tensor/mod.ts";
import { type Cases, withCases } from "../states.ts";
import { type Engine, webgpuEngine } from "../../../src/engine/mod.ts";
import { engine, engineWith } from "../../support.ts";

const folder = new URL("../../fixtures/windows/", import.meta.url);
export const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(".safetensors", "")).sort();

/** The cases of make_windows.py: keys and sinks by layer. */
const CASES: Record<string, Record<number, readonly [keys: number, sinks: number]>> = {
  all: { 0: [3, 2], 1: [3, 2], 2: [3, 2] },
  one: { 1: [4, 0] },
  refit: { 0: [2, 1], 2: [9, 3] },
};

export const windowOf = (layer: number, keys: number, sinks: number, tensors?: string): Change => ({
  layer,
  module: "attention",
  to: "window",
  keys,
  sinks,
  ...tensors ? { tensors } : {},
});

/** The plan of a case; the other output projection is PyTorch's. */
function planFor({ spec }: Model, tensors: Cases["tensors"], name: string): DropPlan {
  const found = ["weight", "bias"].flatMap((part): [string, Tensor][] => {
    const tensor = tensors.get(`refit.${part}`);
    return tensor ? [[`o_proj.${part}`, float32(tensor.shape, tensor.data as Float32Array)]] : [];
  });
  const changes = Object.entries(CASES[name]).map(([layer, [keys, sinks]]) => {
    const isRefitted = name === "refit" && layer === "0";
    return windowOf(Number(layer), keys, sinks, isRefitted ? keepTensors(new Map(found)) : undefined);
  });
  return dropPlan(spec, { changes });
}

export const withWindows = (name: string, use: (opened: Cases) => Promise<void> | void): Promise<void> =>
  withCases(folder, name, Object.keys(CASES), planFor, use);

/** Ways to run attention; in words, why one does not run here. A device that the CPU plays is slow. */
export const engines: Record<string, { on: Engine | string; names?: readonly string[] }> = {
  "the CPU's": { on: engine },
  "CUDA's": { on: engineWith({ attention: "standard", masked: "standard" }) },
  decomposed: { on: engineWith({ attention: "decomposed", masked: "decomposed" }) },
  "WebGPU's": { on: await webgpuEngine().catch((error: Error) => error.message), names: ["llama", "gemma3"] },
};
