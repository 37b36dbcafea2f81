/** Inputs and outputs that the graphs of modules have in common. */
import type { LayerModule } from "../../measure/mod.ts";
import { type Dim, type Graph, type Lowering, scalar, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { AnyModule, TensorNeed } from "../pieces.ts";
import type { Extent } from "./attention.ts";
import type { StoredTypes } from "./blocks.ts";
import { fedWeights, norm, scaled, type Weights } from "./linear.ts";
import { squares, takeWatched, watch } from "./watch.ts";

/** How many samples of how many tokens, −1 if that is known only when the graph runs. */
export const rowsOf = ({ samples, length }: Extent): Dim => length < 0 ? "tokens" : samples * length;

/** The sum of the pieces before, of the shape of the stream. */
export function sumInput(graph: Graph, tokens: Dim, hidden: number): Value {
  return graph.input("sum", "f32", [tokens, hidden]);
}

/** Weights as inputs, by their canonical names. */
export function weightInputs(
  graph: Graph,
  needs: readonly TensorNeed[],
  lowering: Lowering,
  stored?: StoredTypes,
): Weights {
  return fedWeights(graph, needs, stored, lowering, { exact: EXACT });
}

/** Products that decide the weight of an expert are float32 in every lowering. */
const EXACT = /^mlp\.(router|shared_gate)\./;

/** The graph with outputs of a tap, and the sum of squares that it watches. */
export function finished(graph: Graph, taps: Record<string, Value> = {}): Graph {
  for (const [name, value] of Object.entries(taps)) graph.output(name, value);
  const watched = takeWatched(graph);
  if (watched.length > 0) graph.output("squares", squares(watched));
  return graph;
}

/**
 * The update of a module that is added to the stream x: its output normed (a norm would make zeros of numbers that are too large, so they
 * are watched) and scaled.
 */
export function asUpdate(
  raw: Value,
  x: Value,
  { norm: { post }, updateScale, updateSides }: Pick<AnyModule, "norm" | "updateScale" | "updateSides">,
  module: LayerModule,
  weights: Weights,
): Value {
  const normed = post ? norm(watch(raw), post, `${module}.post_norm`, weights) : raw;
  const update = scaled(normed, updateScale);
  if (!updateSides) return update;
  const { along, across } = updateSides;
  const dot = (a: Value, b: Value) => op.ReduceSum(op.Mul(a, b), [-1], 1);
  const alpha = op.Div(dot(update, x), op.Add(dot(x, x), scalar(x.graph, LEAST)));
  return op.Add(scaled(update, across), scaled(op.Mul(alpha, x), along - across));
}

/** The smallest normal float32: a stream of zeros has nothing along it. */
const LEAST = 2 ** -126;
