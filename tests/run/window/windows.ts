/** Plans of windows, and the cases of fixtures/make_windows.py. */
import type { Engine } from "../../../src/engine/mod.ts";
import type { Change, DropPlan } from "../../../src/measure/mod.ts";
import type { Model } from "../../../src/models/mod.ts";
import { decoder, dropPlan, forward, keepTensors, type Segment } from "../../../src/run/mod.ts";
import { float32, type Tensor } from "../../../src/tensor/mod.ts";
import { type Expected, parse } from "../../fixtures/read.ts";
import { withFixture } from "../../support.ts";

const folder = new URL("../../fixtures/windows/", import.meta.url);
export const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(".safetensors", "")).sort();

/** The cases of make_windows.py: keys and sinks by layer. */
const CASES: Record<string, Record<number, readonly [keys: number, sinks: number]>> = {
  all: { 0: [3, 2], 1: [3, 2], 2: [3, 2] },
  one: { 1: [4, 0] },
  refit: { 0: [2, 1], 2: [9, 3] },
};

type Tensors = Map<string, Expected>;

export const windowOf = (layer: number, keys: number, sinks: number, tensors?: string): Change => ({
  layer,
  module: "attention",
  to: "window",
  keys,
  sinks,
  ...tensors ? { tensors } : {},
});

/** The plan of a case; the other output projection is PyTorch's. */
function planFor({ spec }: Model, tensors: Tensors, name: string): DropPlan {
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

export async function withWindows(
  name: string,
  use: (
    opened: { model: Model; ids: Int32Array; tensors: Tensors; plans: Record<string, DropPlan> },
  ) => Promise<void>,
): Promise<void> {
  const tensors = parse(await Deno.readFile(new URL(`${name}.safetensors`, folder)));
  await withFixture(name, async ({ model }) => {
    const plans = Object.fromEntries(Object.keys(CASES).map((key) => [key, planFor(model, tensors, key)]));
    await use({ model, ids: tensors.get("ids")!.data as Int32Array, tensors, plans });
  });
}

/** Logits of each token of a text from `prompt` − 1 on. */
export async function logitsOf(
  model: Model,
  on: Engine,
  plan: DropPlan,
  ids: Int32Array,
  prompt: number,
  budget?: number,
): Promise<Float32Array[]> {
  const opened = await decoder({ model, engine: on, plan, budget });
  try {
    const rows = [await opened.prefill([ids.subarray(0, prompt)])];
    for (const id of ids.subarray(prompt)) rows.push(await opened.step([id]));
    return rows;
  } finally {
    await opened.release();
  }
}

/** The stream [T, D] that leaves the last layer, of each segment. */
export async function streamsOf(
  model: Model,
  on: Engine,
  segments: readonly Segment[],
  plan: DropPlan,
): Promise<Float32Array[]> {
  const streams: Float32Array[] = [];
  await forward({
    model,
    engine: on,
    segments,
    plans: [plan],
    async finish([state], batches) {
      for (const [b, { first, count }] of batches.entries()) {
        const data = (await on.read(state.batches[b])).data as Float32Array;
        for (let i = 0; i < count; i++) {
          streams[first + i] = data.slice(i * data.length / count, (i + 1) * data.length / count);
        }
      }
    },
  });
  return streams;
}
