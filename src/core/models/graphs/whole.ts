/**
 * The graph of a whole model, from token ids to logits, for programs that know nothing of this one: the names, types and shapes
 * are those of onnxruntime-genai's Model Builder (its `builder.py`), which others read too.
 *
 * Letters as in pieces.ts; B texts, S new tokens of each after P, N = B·S, A attentions that are there, E′ the head size made a
 * multiple of 8.
 */
import { cpuLowering, createGraph, type Graph, ints, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { type DType, float32 } from "../../tensor/mod.ts";
import { attentionUpdate } from "../modules/attention.ts";
import type { Step } from "../modules/kind.ts";
import { layerTensors, mixerKind, scoring, type ScoringSpec } from "../modules/list.ts";
import type { AttentionSpec, RopeSpec } from "../pieces.ts";
import { expectForks, type ModelSpec, outerTensors } from "../spec.ts";
import { keptHeadSize } from "../values/attention.ts";
import { asFactor, fedWeight, scaled, type Weights } from "../values/linear.ts";
import { type Rotary, rotaryNames, rotation } from "../values/rope.ts";
import { afterModules } from "./layer.ts";
import { logitsOf } from "./step.ts";

/** The name of a weight of a whole model's graph; layers keep the model's numbers. */
export function wholeName(canonical: string, layer?: number): string {
  return layer === undefined ? canonical : `layers.${layer}.${canonical}`;
}

/**
 * The graph. Inputs, int64: input_ids and position_ids [B, S], attention_mask [B, P + S]; of attention number i of the A that
 * are there past_key_values.i.key and .value [B, K, P, E′]; the weights under `wholeName`, of the types that `stored` says.
 * Outputs: logits [B, S, V], present.i.key and .value [B, K, P + S, E′]. Texts of a batch are padded on the right.
 * `positions` matter to a rotation that depends on the length of the text: they are the longest that the graph is right for.
 */
export function wholeGraph(
  spec: ModelSpec,
  positions: number,
  stored: (canonical: string, layer?: number) => DType,
): Graph {
  expectForks(spec, `make one graph of ${spec.family}`);
  const graph = createGraph();
  const weight = (name: string, dtype: DType, shape: readonly number[]) =>
    fedWeight(graph, name, dtype, shape, cpuLowering);
  const ids = graph.input("input_ids", "i64", ["batch_size", "sequence_length"]);
  const mask = graph.input("attention_mask", "i64", ["batch_size", "total_sequence_length"]);
  const places = graph.input("position_ids", "i64", ["batch_size", "sequence_length"]);
  const shared: Shared = { texts: op.Shape(ids), sight: sightOf(mask), rotary: rotaries(places, positions) };

  const type = stored("embedding.weight");
  const embedding = graph.input("embedding.weight", type, [spec.vocabulary, spec.hidden]);
  let x = scaled(rowsOf(embedding, type, ids), spec.embeddingScale);
  if (spec.positions) {
    const type = stored("position.weight");
    const vectors = graph.input("position.weight", type, [spec.positions, spec.hidden]);
    x = op.Add(x, rowsOf(vectors, type, places));
  }
  let caches = 0;
  spec.layers.forEach((layer, l) => {
    const own: Weights = {
      values: new Map(
        layerTensors(layer, spec.hidden).map(([name, shape]) =>
          [name, weight(wholeName(name, l), stored(name, l), shape)] as const
        ),
      ),
      products: "f32",
    };
    const { attention } = layer;
    const scored = scoring(attention);
    const a = scored
      ? cachedAttention(x, scored, own, caches++, shared)
      : attention && mixerKind(attention).step(x, attention, own, WITHOUT_PAST);
    x = afterModules(x, layer, a, own);
  });

  const outer = new Map(
    outerTensors(spec).filter(([name]) => name !== "embedding.weight" && name !== "position.weight")
      .map(([name, shape]) => [name, weight(name, stored(name), shape)]),
  );
  if (spec.head.tied) {
    outer.set("head.weight", asFactor(embedding, type, [spec.vocabulary, spec.hidden], "f32"));
  }
  const logits = byText(logitsOf(x, spec, { values: outer, products: "f32" }), shared);
  graph.output("logits", logits, "f32", ["batch_size", "sequence_length", spec.vocabulary]);
  return graph;
}

/** A module that remembers nothing needs nothing of the tokens before. */
const WITHOUT_PAST: Step = {
  texts: 1,
  lowering: cpuLowering,
  shared: (name) => {
    throw new TypeError(`Cannot share ${name} in a whole graph: expected a module without memory`);
  },
  past: () => ({}),
  present() {},
};

/** Values that all attentions of the graph share. */
interface Shared {
  /** i64 [2]: B and S. */
  readonly texts: Value;
  readonly sight: { readonly seqlensK: Value; readonly totalSequenceLength: Value };
  readonly rotary: (rope: RopeSpec) => Rotary;
}

/** Keys that each text sees, from a mask [B, P + S] with ones before zeros. */
function sightOf(mask: Value): Shared["sight"] {
  const one = ints(mask.graph, [1]);
  return {
    seqlensK: op.Cast(op.Sub(op.ReduceSum(mask, [1]), one), "i32"),
    totalSequenceLength: op.Cast(op.Gather(op.Shape(mask), one), "i32"),
  };
}

/** Tables [N, R/2] of rotations, each made once: a row for each token. */
function rotaries(places: Value, positions: number): Shared["rotary"] {
  const { graph } = places;
  const column = op.Reshape(op.Cast(places, "f32"), [-1, 1]);
  const made = new Map<string, Rotary>();
  return (rope) => {
    const name = rotaryNames(rope).cos;
    if (!made.has(name)) {
      const { frequencies, factor } = rotation(rope, positions);
      const angles = op.Mul(column, graph.constant(float32([1, frequencies.length], frequencies)));
      const [cos, sin] = [op.Cos, op.Sin].map((of) => scaled(of(angles), factor));
      made.set(name, { cos, sin, rotation: "fused" });
    }
    return made.get(name)!;
  };
}

/** Rows of a matrix at `indices` [B, S], in float32: [N, D]. */
function rowsOf(matrix: Value, type: DType, indices: Value): Value {
  const rows = op.Gather(matrix, op.Reshape(indices, [-1]));
  return type === "f32" ? rows : op.Cast(rows, "f32");
}

/** [N, width] as [B, S, width]. */
function byText(x: Value, { texts }: Shared): Value {
  return op.Reshape(x, op.Concat([texts, ints(x.graph, [-1])], 0));
}

/** The update of attention number `index`, [N, D]; its keys and values are inputs and outputs. */
function cachedAttention(
  x: Value,
  spec: ScoringSpec,
  weights: Weights,
  index: number,
  shared: Shared,
): Value {
  const { graph } = x;
  const { heads, kvHeads } = spec;
  const rotary = spec.rope && shared.rotary(spec.rope);
  const { project, sizes } = mixerKind(spec).scoring!;
  const { q, k, v, sinks, gate } = project(x, spec, weights, rotary, { samples: 1, length: -1 });
  const wide = (value: Value, count: number) => byText(widened(value, spec, count), shared);
  const shape = (tokens: string) => ["batch_size", kvHeads, tokens, keptHeadSize(spec)];
  const past = (part: string) =>
    graph.input(`past_key_values.${index}.${part}`, "f32", shape("past_sequence_length"));
  const { output, present } = op.GroupQueryAttention({
    query: wide(q, heads),
    key: wide(k, kvHeads),
    value: wide(v, kvHeads),
    past: { key: past("key"), value: past("value") },
    ...shared.sight,
    sinks,
  }, spec);
  graph.output(`present.${index}.key`, present.key, "f32", shape("total_sequence_length"));
  graph.output(`present.${index}.value`, present.value, "f32", shape("total_sequence_length"));
  return attentionUpdate(narrowed(output, spec, heads), x, gate, spec, sizes(spec).value, weights);
}

/** Heads [N, count·E] with zeros behind each: [N, count·E′]. */
function widened(x: Value, spec: AttentionSpec, count: number): Value {
  const size = keptHeadSize(spec);
  if (size === spec.headSize) return x;
  const padded = op.Pad(op.Reshape(x, [-1, count, spec.headSize]), [0, 0, 0, 0, 0, size - spec.headSize]);
  return op.Reshape(padded, [-1, count * size]);
}

/** Heads [B, S, count·E′] without the zeros behind each: [N, count·E]. */
function narrowed(x: Value, spec: AttentionSpec, count: number): Value {
  const { headSize } = spec;
  const size = keptHeadSize(spec);
  const taken = size === headSize ? x : op.Slice(op.Reshape(x, [-1, count, size]), 0, headSize, 2);
  return op.Reshape(taken, [-1, count * headSize]);
}
