/**
 * The importance of columns: the mean square of what a group of matrices is multiplied with, over all tokens of a text, as in
 * llama.cpp's imatrix.
 */
import { type LayerModule, noDrop } from "../measure/mod.ts";
import type { InputTaps, LayerSpec } from "../models/mod.ts";
import { Mul, ReduceSum, type Value } from "../onnx/mod.ts";
import { float32, type Tensor } from "../tensor/mod.ts";
import { forward, type ForwardOptions } from "./forward.ts";
import { normedRows } from "./head/head.ts";
import { take } from "./held.ts";
import { openPrograms } from "./programs.ts";
import { type Group, GROUPS, importanceName, matricesIn } from "./plan/changes.ts";
import { keepTensors } from "./plan/tensors.ts";
import type { Observation, Probe } from "./probes/probe.ts";

/** Importance by SHA-256, as changes name it: of each module (null: it has no matrices), and of the head. */
export interface ColumnImportance {
  readonly modules: readonly Readonly<Record<LayerModule, string | null>>[];
  readonly head: string;
}

/** Sums of squares of columns, in float64. */
type Sums = Map<string, Float64Array>;

function add(sums: Sums, key: string, more: ArrayLike<number>): void {
  const own = sums.getOrInsertComputed(key, () => new Float64Array(more.length));
  for (let i = 0; i < own.length; i++) own[i] += more[i];
}

/** A probe that adds up squares of the inputs of each group. */
function inputsProbe(layers: readonly LayerSpec[], sums: Sums): Probe {
  const squares = (module: LayerModule, { inputs }: InputTaps, layer: LayerSpec): Record<string, Value> =>
    Object.fromEntries(
      GROUPS.flatMap((group) => {
        const [first] = matricesIn(layer, 1, module, group);
        const input = first && inputs.get(first[0].replace(/\.weight$/, ""));
        return input ? [[keyOf(module, group), ReduceSum(Mul(input, input), [0], 0)]] : [];
      }),
    );
  const observe = ({ layer, outputs }: Observation) => {
    for (const [key, { data }] of Object.entries(outputs)) add(sums, `${layer} ${key}`, data as Float32Array);
  };
  return {
    attention: (taps, spec) => squares("attention", taps, { ...layers[0], attention: spec, mlp: null }),
    observeAttention: observe,
    update: (taps, layer) => squares("mlp", taps, layer),
    observeUpdate: observe,
  };
}

const keyOf = (module: LayerModule, group: Group) => `squares ${module} ${group}`;

/**
 * Measures the importance of every module's columns, and of the head's, in one run of the full model; keeps it for runs of plans. Throws
 * `RangeError` where it is not finite.
 */
export async function columnImportance(
  options: Omit<ForwardOptions, "plans" | "probes" | "finish">,
): Promise<ColumnImportance> {
  const { model, engine, segments, signal } = options;
  const { layers, hidden } = model.spec;
  const sums: Sums = new Map();
  const tokens = segments.reduce((sum, { ids }) => sum + ids.length, 0);
  const programs = openPrograms(engine);
  try {
    const normed = await normedRows(model, engine, programs, signal);
    await forward({
      ...options,
      plans: [noDrop],
      probes: [inputsProbe(layers, sums)],
      async finish([{ batches }]) {
        for (const stream of batches) {
          const rows = Int32Array.from({ length: stream.shape[0] }, (_, row) => row);
          const { data } = await take(engine, await normed([stream], rows));
          const own = new Float64Array(hidden);
          (data as Float32Array).forEach((value, i) => own[i % hidden] += value * value);
          add(sums, "head", own);
        }
      },
    });
  } finally {
    await programs.release();
  }
  const kept = (names: readonly (readonly [name: string, key: string])[]): string | null => {
    const own = names.flatMap(([name, key]): [string, Tensor][] => {
      const sum = sums.get(key);
      return sum ? [[name, float32([sum.length], Float32Array.from(sum, (value) => value / tokens))]] : [];
    });
    return own.length > 0 ? keepTensors(new Map(own)) : null;
  };
  const of = (l: number, module: LayerModule) =>
    kept(GROUPS.map((group) => [importanceName(group), `${l} ${keyOf(module, group)}`]));
  return {
    modules: layers.map((_, l) => ({ attention: of(l, "attention"), mlp: of(l, "mlp") })),
    head: kept([["importance", "head"]])!,
  };
}
