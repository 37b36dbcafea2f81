/**
 * Graphs of a layer in a pass: one for its first module, one for its second and the additions to the residual stream.
 *
 * Weights are inputs, by their canonical names, so one compiled graph serves every layer of the same kind. A graph is
 * made for B samples of T tokens; states are [B·T, D], a sample after the other.
 *
 * The operators follow from the engine's (`lowering`); by default they are the CPU's.
 *
 * A graph that watches numbers (watch.ts) also gives `squares`, the sum of their squares: not finite where one of them is not.
 *
 * A module can be run in pieces: some key heads with the query heads that share them, some of the F inner units. Its
 * specification is then the piece's, and `onto` adds an input `sum` [B·T, D] of the pieces before it.
 */
import { Add, cpuLowering, createGraph, type Graph, type Lowering, type Value } from "../../onnx/mod.ts";
import type { AttentionTaps, Pass, SegmentOptions } from "../modules/kind.ts";
import { feedKind, type FeedSpec, layerTensors, mixerKind, type MixerSpec, routed } from "../modules/list.ts";
import { normTensors } from "../modules/needs.ts";
import type { LayerSpec } from "../spec.ts";
import type { Extent } from "../values/attention.ts";
import { asUpdate, finished, rowsOf, sumInput, weightInputs } from "../values/inputs.ts";
import type { StoredTypes } from "../values/blocks.ts";
import type { Weights } from "../values/linear.ts";
import { watch } from "../values/watch.ts";

/** Parts of a module's graph besides the module. */
export interface ModuleOptions<Taps> {
  /** Outputs of its own. */
  readonly tap?: (taps: Taps) => Record<string, Value>;
  /** Continues the sum of other pieces of the module, the input `sum`. */
  readonly onto?: boolean;
  /** How the weights are stored that are not float32, by canonical name: they are fed so, and widened in the graph. */
  readonly stored?: StoredTypes;
  /** The engine's operators; default: the CPU's. */
  readonly lowering?: Lowering;
}

/** What each of a module's matrices is multiplied with [B·T, K], by name: "mlp.down_proj". */
export type InputTaps = { readonly inputs: ReadonlyMap<string, Value> };

/** The residual stream around one layer; an absent update is null. All [B·T, D]. */
export interface UpdateTaps extends InputTaps {
  readonly x: Value;
  readonly a: Value | null;
  readonly m: Value | null;
  readonly y: Value;
}

/**
 * A layer's first module: inputs x [B·T, D], those of its kind, the weights; output a [B·T, D], its update of the residual stream.
 * `tap` adds outputs of its own. With `onto`, the bias is in the sum already.
 */
export function mixerGraph(
  spec: MixerSpec,
  hidden: number,
  extent: Extent,
  { tap, onto = false, stored, lowering = cpuLowering, ...segments }:
    & ModuleOptions<AttentionTaps & InputTaps>
    & SegmentOptions
    & Pick<Pass, "given"> = {},
): Graph {
  const graph = createGraph();
  const rows = rowsOf(extent);
  const x = graph.input("x", "f32", [rows, hidden]);
  const inputs = new Map<string, Value>();
  const taps = mixerKind(spec).pass(x, spec, {
    ...segments,
    graph,
    extent,
    lowering,
    weights: () => ({
      ...weightInputs(graph, layerTensors({ attention: spec }, hidden), lowering, stored),
      inputs,
    }),
    sum: () => onto ? sumInput(graph, rows, hidden) : null,
  });
  graph.output("a", taps.a);
  return finished(graph, tap?.({ ...taps, inputs }));
}

/**
 * The rest of a layer: inputs x and (unless attention is dropped) a, the MLP's weights (unless it is dropped); output
 * y = x + a + m, all [B·T, D]. `onto` is the MLP's. A mixture has only its norm behind here: the sum of its experts is an input.
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
  const ran = routed(mlp) !== null;
  const needs = ran ? normTensors("mlp.post_norm", mlp!.norm.post, hidden) : layerTensors({ mlp }, hidden);
  const inputs = new Map<string, Value>();
  const weights = { ...weightInputs(graph, needs, lowering, stored), inputs };
  const h = a ? Add(x, a) : x;
  const sum = onto || ran ? sumInput(graph, tokens, hidden) : null;
  const read = layer.residual === "parallel" ? x : h;
  const raw = ran ? sum : mlp && rawFeed(read, mlp, weights, sum);
  const m = mlp && asUpdate(raw!, read, mlp, "mlp", weights);
  const y = watch(m ? Add(h, m) : h);
  graph.output("y", y);
  return finished(graph, tap?.({ x, a, m, y, inputs }));
}

/** A piece of an MLP that is not the last: inputs x and, where it is added first, a; output m [B·T, D]. */
export function mlpPartGraph(
  spec: FeedSpec,
  hidden: number,
  extent: Extent,
  withAttention: boolean,
  { onto = false, stored, lowering = cpuLowering }: Omit<ModuleOptions<never>, "tap"> = {},
): Graph {
  const graph = createGraph();
  const tokens = rowsOf(extent);
  const x = graph.input("x", "f32", [tokens, hidden]);
  const h = withAttention ? Add(x, graph.input("a", "f32", [tokens, hidden])) : x;
  const weights = weightInputs(graph, layerTensors({ mlp: spec }, hidden), lowering, stored);
  const sum = onto ? sumInput(graph, tokens, hidden) : null;
  graph.output("m", watch(feed(h, spec, weights, sum)));
  return finished(graph);
}

/** The stream [N, D] after a layer, of the stream x before it and its attention's update, if it has any. */
export function afterModules(x: Value, layer: LayerSpec, a: Value | null, weights: Weights): Value {
  const h = a ? Add(x, a) : x;
  const m = layer.mlp && feed(layer.residual === "parallel" ? x : h, layer.mlp, weights);
  return m ? Add(h, m) : h;
}

/** The second module's update [N, D] of the stream x [N, D], with the `sum` of its other units. */
function feed(x: Value, spec: FeedSpec, weights: Weights, sum: Value | null = null): Value {
  return asUpdate(rawFeed(x, spec, weights, sum), x, spec, "mlp", weights);
}

function rawFeed(x: Value, spec: FeedSpec, weights: Weights, sum: Value | null): Value {
  return feedKind(spec).raw(x, spec, weights, sum, "mlp");
}
