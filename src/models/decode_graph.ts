/**
 * The graph of new tokens: some consecutive layers, and the head after them if requested. Their keys and values go behind those
 * of the tokens before (past.ts).
 */
import {
  Concat,
  cpuLowering,
  createGraph,
  type Graph,
  type Lowering,
  Reshape,
  Slice,
  softcap,
  type Value,
} from "../onnx/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import { afterModules, attentionUpdate } from "./graphs.ts";
import { norm, scaled } from "./norms.ts";
import { projections, type Rotary } from "./projections.ts";
import { asFactor, fedWeight, linear, type StoredTypes, type Weights } from "./linear.ts";
import { attendAfter, keysShape, type SharedInputs, sharedInputs } from "./past.ts";
import { type AttentionSpec, type LayerSpec, type ModelSpec, type RopeSpec } from "./spec.ts";
import { layerTensors, normTensors } from "./tensors.ts";
import { squares, takeWatched, watch } from "./watch.ts";

/** Where a graph's weights are: in it, by canonical name, or fed to it as they are stored. */
export type StepWeights =
  | { readonly held: ReadonlyMap<string, Tensor> }
  | { readonly fed: StoredTypes };

/** Names of inputs that layers share: the table rows of a rotation, the mask of a window. */
export const rotaryNames = (rope: RopeSpec) => {
  const name = JSON.stringify(rope);
  return { cos: `cos ${name}`, sin: `sin ${name}` };
};

/**
 * Layers of T new tokens of each of B texts. Inputs: x [B·T, D]; of each rotation cos and sin [T, R/2], the rows of their positions; what they see
 * (`sight`); of attention number i (in the list) `i.past_key` and `i.past_value` (`keysShape`); `i.NAME` for each weight that
 * is fed. Outputs: `y` [B·T, D] or the head's of the last tokens (see `headGraph`), `i.present_key` and `i.present_value`, and with
 * any layer `squares`, of what all of them watch (watch.ts). A module that is null is left out.
 */
export function stepGraph(
  hidden: number,
  layers: readonly LayerSpec[],
  weights: readonly StepWeights[],
  head?: { readonly spec: ModelSpec; readonly weights: StepWeights },
  lowering: Lowering = cpuLowering,
  texts = 1,
): Graph {
  const graph = createGraph();
  const shared = sharedInputs(graph);
  let x = graph.input("x", "f32", ["tokens", hidden]);
  layers.forEach((layer, i) => {
    const own = layerWeights(graph, `${i}.`, layerTensors(layer, hidden), weights[i], lowering);
    const a = layer.attention && attentionStep(x, layer.attention, own, `${i}.`, shared, texts, lowering);
    x = watch(afterModules(x, layer, a, own));
  });
  // One row of all that is watched: sixty short sums would cost a token more than their numbers do.
  if (layers.length > 0) graph.output("squares", squares([Concat(takeWatched(graph), 1)]));
  if (head) addHead(x, head.spec, head.weights, head.spec.vocabulary, texts, lowering);
  else graph.output("y", x);
  return graph;
}

/**
 * The head alone, of the last token of each text: x [B·T, D] and the fed weights, `head.weight` of any number of rows; output logits
 * [B, rows], and `head_squares`.
 */
export function headGraph(
  spec: ModelSpec,
  weights: StepWeights,
  lowering: Lowering = cpuLowering,
  texts = 1,
): Graph {
  const graph = createGraph();
  addHead(graph.input("x", "f32", ["tokens", spec.hidden]), spec, weights, "rows", texts, lowering);
  return graph;
}

function addHead(
  x: Value,
  spec: ModelSpec,
  weights: StepWeights,
  rows: number | string,
  texts: number,
  lowering: Lowering,
): void {
  const last = Reshape(Slice(Reshape(x, [texts, -1, spec.hidden]), -1, END, 1), [texts, spec.hidden]);
  x.graph.output("logits", headLogits(last, spec, weights, rows, lowering));
  x.graph.output("head_squares", squares(takeWatched(x.graph)));
}

/** Logits are what is measured, so their product is float32 in every lowering. */
function headLogits(
  x: Value,
  spec: ModelSpec,
  weights: StepWeights,
  rows: number | string,
  lowering: Lowering,
): Value {
  const needs = [...normTensors("final_norm", spec.finalNorm, spec.hidden), [
    "head.weight",
    [rows, spec.hidden],
  ]] as const;
  const own = layerWeights(x.graph, "", needs, weights, { ...lowering, products: "f32" });
  return logitsOf(x, spec, own);
}

/** Logits [N, rows] of streams [N, D]. */
export function logitsOf(x: Value, { finalNorm, head }: ModelSpec, weights: Weights): Value {
  const normed = scaled(norm(x, finalNorm, "final_norm", weights), head.scale);
  const logits = watch(linear(watch(normed), "head", weights));
  return head.softcap ? softcap(logits, head.softcap) : logits;
}

/** Weights as values: held by the graph in float32, or fed in their stored type. */
function layerWeights(
  graph: Graph,
  prefix: string,
  needs: readonly (readonly [string, readonly (number | string)[]])[],
  weights: StepWeights,
  lowering: Lowering,
): Weights {
  const { products } = lowering;
  const values = new Map(needs.map(([name, shape]) => {
    const full = prefix + name;
    return [
      name,
      "held" in weights
        ? asFactor(graph.weight(full, weights.held.get(name)!), "f32", shape, products)
        : fedWeight(graph, full, weights.fed.get(name)!, shape, lowering),
    ];
  }));
  return { values, products };
}

/** Past the end of any axis. */
const END = 2 ** 31 - 1;

/** Attention of the new tokens after a past; gives a [B·T, D]. */
function attentionStep(
  x: Value,
  spec: AttentionSpec,
  weights: Weights,
  prefix: string,
  shared: SharedInputs,
  texts: number,
  lowering: Lowering,
): Value {
  const { graph } = x;
  const rotary = spec.rope && rotaryShared(spec.rope, shared);
  const heads = projections(x, spec, weights, rotary, { samples: texts, length: -1 });
  const shape = keysShape(spec, lowering, `past ${prefix}`, texts);
  const past = {
    key: graph.input(`${prefix}past_key`, "f32", shape),
    value: graph.input(`${prefix}past_value`, "f32", shape),
  };
  const { mixed, present } = attendAfter(spec, heads, past, shared, texts, lowering);
  graph.output(`${prefix}present_key`, present.key);
  graph.output(`${prefix}present_value`, present.value);
  return watch(attentionUpdate(mixed, spec, weights));
}

function rotaryShared(rope: RopeSpec, shared: SharedInputs): Rotary {
  const names = rotaryNames(rope);
  const table = ["tokens", rope.size / 2];
  return { cos: shared(names.cos, "f32", table), sin: shared(names.sin, "f32", table) };
}
