/**
 * The graph of one new token: some consecutive layers, and the head after them if requested.
 *
 * The keys and values of the past are inputs that the graph reads where they lie, and what it gives are the new token's
 * alone: nothing grows or is copied inside. (`GroupQueryAttention` would concatenate past and present, every key of every
 * layer once more per token.) The score of the token with itself is taken apart and joined before the softmax.
 *
 * Letters: G = H/K query heads that share a key head, C slots of the cache, of which a mask hides the empty ones.
 */
import {
  Add,
  Concat,
  cpuLowering,
  createGraph,
  type Graph,
  type Lowering,
  MatMul,
  Mul,
  Reshape,
  scalar,
  Slice,
  softcap,
  Softmax,
  type Value,
} from "../onnx/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import { attentionUpdate, feedForward, norm, projections } from "./graphs.ts";
import { asFactor, fedWeight, linear, type StoredTypes, type Weights } from "./linear.ts";
import {
  type AttentionSpec,
  type LayerSpec,
  layerTensors,
  type ModelSpec,
  normTensors,
  type RopeSpec,
} from "./spec.ts";
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
export const maskName = (window: number | null) => `mask ${window ?? "all"}`;

/**
 * Layers of one token. Inputs: x [1, D]; of each rotation cos and sin [1, R/2]; of each window its mask [1, 1, 1, C + 1], 0 or
 * −∞; of attention number i (in the list) `i.keys` [K, 1, E, C] and `i.values` [K, 1, C, E]; `i.NAME` for each weight that is fed.
 * Outputs: `y` [1, D] or the head's (see `headGraph`), `i.k` and `i.v` [1, K·E], and with any layer `squares`, of what all of
 * them watch (watch.ts). A module that is null is left out.
 */
export function stepGraph(
  hidden: number,
  layers: readonly LayerSpec[],
  weights: readonly StepWeights[],
  head?: { readonly spec: ModelSpec; readonly weights: StepWeights },
  lowering: Lowering = cpuLowering,
): Graph {
  const graph = createGraph();
  const shared = sharedInputs(graph);
  let x = graph.input("x", "f32", [1, hidden]);
  layers.forEach((layer, i) => {
    const own = layerWeights(graph, `${i}.`, layerTensors(layer, hidden), weights[i], lowering);
    const a = layer.attention && attentionStep(x, layer.attention, own, `${i}.`, shared);
    const h = a ? Add(x, a) : x;
    const m = layer.mlp && feedForward(layer.residual === "parallel" ? x : h, layer.mlp, own);
    x = watch(m ? Add(h, m) : h);
  });
  // One row of all that is watched: sixty short sums would cost a token more than their numbers do.
  if (layers.length > 0) graph.output("squares", squares([Concat(takeWatched(graph), 1)]));
  if (head) addHead(x, head.spec, head.weights, head.spec.vocabulary, lowering);
  else graph.output("y", x);
  return graph;
}

/**
 * The head alone: x [1, D] and the fed weights, `head.weight` of any number of rows; output logits [1, rows], and
 * `head_squares`.
 */
export function headGraph(
  spec: ModelSpec,
  weights: StepWeights,
  lowering: Lowering = cpuLowering,
): Graph {
  const graph = createGraph();
  addHead(graph.input("x", "f32", [1, spec.hidden]), spec, weights, "rows", lowering);
  return graph;
}

function addHead(
  x: Value,
  spec: ModelSpec,
  weights: StepWeights,
  rows: number | string,
  lowering: Lowering,
): void {
  x.graph.output("logits", headLogits(x, spec, weights, rows, lowering));
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
  const logits = watch(linear(watch(norm(x, spec.finalNorm, "final_norm", own)), "head", own));
  return spec.head.softcap ? softcap(logits, spec.head.softcap) : logits;
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

/** Inputs by name, declared when they are first asked for. */
function sharedInputs(graph: Graph) {
  const inputs = new Map<string, Value>();
  return (name: string, shape: readonly (number | string)[]): Value => {
    const value = inputs.get(name) ?? graph.input(name, "f32", shape);
    inputs.set(name, value);
    return value;
  };
}

/** Attention of one token after those of the cache; gives a [1, D]. */
function attentionStep(
  x: Value,
  spec: AttentionSpec,
  weights: Weights,
  prefix: string,
  shared: (name: string, shape: readonly (number | string)[]) => Value,
): Value {
  const { graph } = x;
  const { heads: H, kvHeads: K, headSize: E, rope, window } = spec;
  const names = rotaryNames(rope);
  const rotary = {
    cos: shared(names.cos, [1, rope.size / 2]),
    sin: shared(names.sin, [1, rope.size / 2]),
  };
  const slots = `C ${window}`;
  const keys = graph.input(`${prefix}keys`, "f32", [K, 1, E, slots]);
  const values = graph.input(`${prefix}values`, "f32", [K, 1, slots, E]);
  const mask = shared(maskName(window), [1, 1, 1, `${slots} + 1`]);

  // Every query head is a product of its own, [K, G, 1, …]: the library would pack the keys before it multiplies a group
  // of rows with them, which takes longer than reading them for each. For the same reason the scale comes before a
  // reshape: else the library draws it into the product, which then packs too.
  const { q, k, v } = projections(x, spec, weights, rotary, { samples: 1, length: 1 });
  const query = Reshape(Mul(q, scalar(graph, spec.scale)), [K, H / K, 1, E]);
  const raw = Concat([MatMul(query, keys), MatMul(query, Reshape(k, [K, 1, E, 1]))], 3);
  const scores = spec.softcap ? softcap(raw, spec.softcap) : raw;
  const p = Softmax(Add(scores, mask), 3); // [K, G, 1, C + 1]
  const past = MatMul(Slice(p, 0, -1, 3), values);
  const mixed = Add(past, Mul(Slice(p, -1, END, 3), Reshape(v, [K, 1, 1, E])));
  graph.output(`${prefix}k`, k);
  graph.output(`${prefix}v`, v);
  return watch(attentionUpdate(Reshape(mixed, [1, H * E]), spec, weights));
}

/** Past the end of any axis. */
const END = 2 ** 31 - 1;
