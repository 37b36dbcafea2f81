/**
 * Module graphs: one for attention, one for the MLP and the additions to the residual stream.
 *
 * Weights are inputs, by their canonical names, so one compiled graph serves every layer of the same kind. A graph is
 * made for B samples of T tokens; states are [B·T, D], a sample after the other.
 *
 * What graphs are made of follows from what an engine has (`lowering`); by default they are the CPU's.
 *
 * A graph that watches numbers (watch.ts) also gives `squares`, the sum of their squares: not finite where one of them is not.
 *
 * A module can be run in parts: some key heads with the query heads that share them, some of the F inner units. Its
 * specification is then the part's, and `onto` adds an input `sum` [B·T, D], what the parts before it came to.
 */
import {
  Add,
  Concat,
  cpuLowering,
  createGraph,
  type Dim,
  type Graph,
  type Lowering,
  type Value,
} from "../onnx/mod.ts";
import { attend, attendMasked, type Extent } from "./attention.ts";
import { innerProduct } from "./feed_forward.ts";
import { norm, scaled } from "./norms.ts";
import { projections, ready, type Rotary } from "./projections.ts";
import { fedWeight, linear, type StoredTypes, type Weights } from "./linear.ts";
import { mixture } from "./mixture.ts";
import { type AttentionSpec, isMixture, type LayerSpec, type MlpSpec, type MoeSpec } from "./spec.ts";
import { layerTensors, normTensors, type TensorNeed } from "./tensors.ts";
import { squares, takeWatched, watch } from "./watch.ts";

/** What a module's graph has besides the module. */
export interface ModuleOptions<Taps> {
  /** Outputs of its own. */
  readonly tap?: (taps: Taps) => Record<string, Value>;
  /** Goes on from what other parts of the module came to, the input `sum`. */
  readonly onto?: boolean;
  /** How the weights are stored that are not float32, by canonical name: they are fed so, and widened in the graph. */
  readonly stored?: StoredTypes;
  /** What the engine has; default: the CPU's. */
  readonly lowering?: Lowering;
}

/** What attention sees besides the tokens before each in its own text. */
export interface SegmentOptions {
  /** A mask says which tokens see which, and where each stands: input `mask`; `cos` and `sin` have a row for each token. */
  readonly masked?: boolean;
  /** Tokens before all of these: inputs `past_key` and `past_value` [P, K·E]. Needs a mask. */
  readonly past?: boolean;
  /** Others come after these: outputs `key` and `value` [P + N, K·E], of one sample. */
  readonly keep?: boolean;
}

/** How many samples of how many tokens, −1 if that is known only when the graph runs. */
export const rowsOf = ({ samples, length }: Extent): Dim => length < 0 ? "tokens" : samples * length;

/**
 * What goes on inside attention, for probes: q, k as they meet (normed, rotated) and v; [B·T, H·E] and [B·T, K·E].
 * `mixed` are the values as each head mixed them [B·T, H·E]; `raw` is what a post-norm makes a from; a itself where there is none.
 */
export interface AttentionTaps {
  readonly x: Value;
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly mixed: Value;
  readonly raw: Value;
  readonly a: Value;
}

/** The residual stream around one layer; an absent update is null, `raw` what m is made from. All [B·T, D]. */
export interface UpdateTaps {
  readonly x: Value;
  readonly a: Value | null;
  readonly raw: Value | null;
  readonly m: Value | null;
  readonly y: Value;
}

/**
 * Attention: inputs x [B·T, D], cos and sin [≥ T, R/2], the weights; output a [B·T, D], what is added to the
 * residual stream. `tap` adds outputs of its own. With `onto`, the bias is in the sum already.
 */
export function attentionGraph(
  spec: AttentionSpec,
  hidden: number,
  extent: Extent,
  { tap, onto = false, stored, lowering = cpuLowering, masked = false, past = false, keep = false }:
    & ModuleOptions<AttentionTaps>
    & SegmentOptions = {},
): Graph {
  const graph = createGraph();
  const rows = rowsOf(extent);
  const x = graph.input("x", "f32", [rows, hidden]);
  const rotary = spec.rope && rotaryInputs(graph, [masked ? rows : extent.length, spec.rope.size / 2]);
  const layer: LayerSpec = { residual: "sequential", attention: spec, mlp: null };
  const weights = weightInputs(graph, layerTensors(layer, hidden), lowering, stored);
  const heads = projections(x, spec, weights, rotary, masked ? { samples: 1, length: -1 } : extent);
  const { q, k, v } = heads;
  const sum = onto ? sumInput(graph, rows, hidden) : null;
  const width = spec.kvHeads * spec.headSize;
  const before = past
    ? {
      key: graph.input("past_key", "f32", ["past", width]),
      value: graph.input("past_value", "f32", ["past", width]),
    }
    : null;
  if (keep) {
    graph.output("key", before ? Concat([before.key, k], 0) : k);
    graph.output("value", before ? Concat([before.value, v], 0) : v);
  }
  const mixed = masked
    ? attendMasked(
      spec,
      heads,
      before,
      graph.input("mask", "f32", [extent.samples, 1, "row", "column"]),
      extent.samples,
      lowering,
    )
    : attend(spec, heads, extent, lowering.attention);
  const raw = linear(ready(mixed, spec, heads.gate), "attention.o_proj", weights, sum);
  const a = watch(asUpdate(raw, spec, "attention", weights));
  graph.output("a", a);
  return finished(graph, tap?.({ x, q, k, v, mixed, raw, a }));
}

function rotaryInputs(graph: Graph, table: readonly Dim[]): Rotary {
  return { cos: graph.input("cos", "f32", table), sin: graph.input("sin", "f32", table) };
}

/**
 * The rest of a layer: inputs x and (unless attention is dropped) a, the MLP's weights (unless it is dropped); output
 * y = x + a + m, all [B·T, D]. `onto` is the MLP's. Of a mixture only the norm behind it is here: its experts' sum is an input.
 */
export function updateGraph(
  layer: LayerSpec,
  hidden: number,
  extent: Extent,
  present: { readonly attention: boolean; readonly mlp: boolean },
  { tap, onto = false, stored, lowering = cpuLowering }: ModuleOptions<UpdateTaps> = {},
): Graph {
  const graph = createGraph();
  const tokens = rowsOf(extent);
  const x = graph.input("x", "f32", [tokens, hidden]);
  const a = present.attention ? graph.input("a", "f32", [tokens, hidden]) : null;
  const mlp = present.mlp ? layer.mlp : null;
  const needs = isMixture(mlp)
    ? normTensors("mlp.post_norm", mlp.norm.post, hidden)
    : layerTensors({ ...layer, attention: null, mlp }, hidden);
  const weights = weightInputs(graph, needs, lowering, stored);
  const h = a ? Add(x, a) : x;
  const sum = onto || isMixture(mlp) ? sumInput(graph, tokens, hidden) : null;
  const raw = isMixture(mlp)
    ? sum
    : mlp && rawFeedForward(layer.residual === "parallel" ? x : h, mlp, weights, sum);
  const m = mlp && asUpdate(raw!, mlp, "mlp", weights);
  const y = watch(m ? Add(h, m) : h);
  graph.output("y", y);
  return finished(graph, tap?.({ x, a, raw, m, y }));
}

/** A part of an MLP that is not the last: inputs x and, where it is added first, a; output m [B·T, D]. */
export function mlpPartGraph(
  spec: MlpSpec,
  hidden: number,
  extent: Extent,
  withAttention: boolean,
  { onto = false, stored, lowering = cpuLowering }: Omit<ModuleOptions<never>, "tap"> = {},
): Graph {
  const graph = createGraph();
  const tokens = rowsOf(extent);
  const x = graph.input("x", "f32", [tokens, hidden]);
  const h = withAttention ? Add(x, graph.input("a", "f32", [tokens, hidden])) : x;
  const layer: LayerSpec = { residual: "sequential", attention: null, mlp: spec };
  const weights = weightInputs(graph, layerTensors(layer, hidden), lowering, stored);
  const sum = onto ? sumInput(graph, tokens, hidden) : null;
  graph.output("m", watch(feedForward(h, spec, weights, sum)));
  return finished(graph);
}

/** What attention adds to the stream, [N, D], of its mixed values and their gate [N, H·E]. */
export function attentionUpdate(
  mixed: Value,
  gate: Value | undefined,
  spec: AttentionSpec,
  weights: Weights,
): Value {
  return asUpdate(linear(ready(mixed, spec, gate), "attention.o_proj", weights), spec, "attention", weights);
}

/** What the parts before came to, of the shape of the stream. */
function sumInput(graph: Graph, tokens: Dim, hidden: number): Value {
  return graph.input("sum", "f32", [tokens, hidden]);
}

/** Weights as inputs, by their canonical names. */
export function weightInputs(
  graph: Graph,
  needs: readonly TensorNeed[],
  lowering: Lowering,
  stored?: StoredTypes,
): Weights {
  const values = new Map(
    needs.map(([name, shape]) => {
      const products = EXACT.test(name) ? "f32" : lowering.products;
      return [name, fedWeight(graph, name, stored?.get(name) ?? "f32", shape, { ...lowering, products })];
    }),
  );
  return { values, products: lowering.products };
}

/** What decides how much an expert says is a product of float32 in every lowering. */
const EXACT = /^mlp\.(router|shared_gate)\./;

/** The graph with outputs of a tap, and what it watches. */
export function finished(graph: Graph, taps: Record<string, Value> = {}): Graph {
  for (const [name, value] of Object.entries(taps)) graph.output(name, value);
  const watched = takeWatched(graph);
  if (watched.length > 0) graph.output("squares", squares(watched));
  return graph;
}

/** What a module adds to the stream: its output normed, which would make zeros of what is too large, and scaled. */
export function asUpdate(
  raw: Value,
  { norm: { post }, updateScale }: Pick<MlpSpec, "norm" | "updateScale">,
  module: "attention" | "mlp",
  weights: Weights,
): Value {
  const normed = post ? norm(watch(raw), post, `${module}.post_norm`, weights) : raw;
  return scaled(normed, updateScale);
}

/** The stream [N, D] after a layer, of the stream x before it and what its attention adds, if it has any. */
export function afterModules(x: Value, layer: LayerSpec, a: Value | null, weights: Weights): Value {
  const h = a ? Add(x, a) : x;
  const m = layer.mlp && feedForward(layer.residual === "parallel" ? x : h, layer.mlp, weights);
  return m ? Add(h, m) : h;
}

/** The MLP's update [N, D] of the stream x [N, D], with the `sum` of its other units. */
export function feedForward(
  x: Value,
  spec: MlpSpec | MoeSpec,
  weights: Weights,
  sum: Value | null = null,
): Value {
  return asUpdate(rawFeedForward(x, spec, weights, sum), spec, "mlp", weights);
}

/** The same before its post-norm. */
function rawFeedForward(
  x: Value,
  spec: MlpSpec | MoeSpec,
  weights: Weights,
  sum: Value | null,
): Value {
  const normed = norm(x, spec.norm.pre, "mlp.norm", weights);
  if (isMixture(spec)) return mixture(normed, spec, weights);
  return linear(innerProduct(normed, spec, "mlp", weights), "mlp.down_proj", weights, sum);
}
