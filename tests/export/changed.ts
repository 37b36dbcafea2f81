/** Changes of modules with tensors made by a formula, and how exports of them are compared. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "../../src/export/mod.ts";
import { type Format } from "../../src/formats/mod.ts";
import type { Change, LayerModule } from "../../src/measure/mod.ts";
import { layerTensors, type ModelSpec } from "../../src/models/mod.ts";
import { dropPlan, keepTensors } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { elements, float32, type Tensor } from "../../src/tensor/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { distance, largest, stateTolerance, withFolder } from "../support.ts";
import { bothStreams, type Smaller, withSmaller } from "./smaller.ts";

/** Numbers of about the size of weights, other ones for every seed. */
export function numbers(shape: readonly number[], seed: number): Tensor {
  const size = shape.length > 1 ? 1 / Math.sqrt(shape[1]) : 0.2;
  return float32(
    [...shape],
    Float32Array.from({ length: elements(shape) }, (_, i) => size * Math.sin((i + 1) * (1.7 + seed / 10))),
  );
}

/** Another output projection, its bias too where the module has one. */
export function refitted(spec: ModelSpec, layer: number, module: LayerModule): Change {
  const output = module === "attention" ? "o_proj" : "down_proj";
  const own = layerTensors({ [module]: spec.layers[layer][module] }, spec.hidden)
    .filter(([name]) => name.startsWith(`${module}.${output}.`))
    .map(([name, shape]) => [name.slice(module.length + 1), numbers(shape, layer)] as const);
  return { layer, module, to: "weights", tensors: keepTensors(new Map(own)) };
}

export function meanOf({ hidden }: ModelSpec, layer: number, module: LayerModule): Change {
  const mean = numbers([hidden], layer + (module === "mlp" ? 5 : 0));
  return { layer, module, to: "mean", tensors: keepTensors(new Map([["mean", mean]])) };
}

export function linearOf(
  { hidden }: ModelSpec,
  layer: number,
  module: LayerModule,
  bias = numbers([hidden], layer + 3),
): Change {
  const tensors = new Map([["linear.weight", numbers([hidden, hidden], layer)], ["linear.bias", bias]]);
  return { layer, module, to: "linear", tensors: keepTensors(tensors) };
}

export async function refOf(name: string): Promise<string> {
  if (!name.endsWith(".gguf")) return (await fixture(name)).folder;
  return fileURLToPath(new URL(`../fixtures/gguf/${name}`, import.meta.url));
}

export type Changes = (spec: ModelSpec) => Change[];

/** A plan exported, read again, and compared with the plan on the original. */
export async function expectWritten(
  name: string,
  format: Format,
  changes: Changes,
  besides: (both: Smaller) => Promise<void> | void = () => {},
) {
  const ref = await refOf(name);
  const opened = await openModel(ref);
  const plan = dropPlan(opened.spec, { changes: changes(opened.spec) });
  opened.close();
  await withSmaller(ref, plan, format, async (both) => {
    const [planned, found] = await bothStreams(name.replace(/(-older)?\.gguf$/, ""), both, plan);
    const most = 2 * stateTolerance(both.original.spec) * largest(planned);
    const error = distance(found, planned);
    assert.ok(error <= most, `off by ${error}, at most ${most}`);
    await besides(both);
  });
}

/** A plan that a format refuses: nothing is written, and the error says why and names the formats that can. */
export async function expectRefused(name: string, format: Format, changes: Changes, message: RegExp) {
  await withFolder(async (out) => {
    using model = await openModel(await refOf(name));
    const plan = dropPlan(model.spec, { changes: changes(model.spec) });
    await assert.rejects(exportModel(model, plan, { format, out: `${out}/no` }), message);
    await assert.rejects(Deno.stat(`${out}/no`));
  });
}
