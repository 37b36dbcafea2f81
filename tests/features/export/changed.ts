/** Changes of modules with tensors made by a formula. */
import { fileURLToPath } from "node:url";
import type { Change, LayerModule } from "core/measure/mod.ts";
import { layerTensors, type ModelSpec } from "core/models/mod.ts";
import { keepTensors } from "core/run/mod.ts";
import { elements, float32, type Tensor } from "core/tensor/mod.ts";
import { fixture } from "../../fixtures/read.ts";

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
  return fileURLToPath(new URL(`../../fixtures/gguf/${name}`, import.meta.url));
}

export type Changes = (spec: ModelSpec) => Change[];
