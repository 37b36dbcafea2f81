/** Graphs of a model's two ends: what enters its first layer, and what its head reads. */
import { Add, Concat, createGraph, Gather, type Graph, Reshape } from "../../onnx/mod.ts";
import { normTensors } from "../modules/needs.ts";
import type { ModelSpec } from "../spec.ts";
import { finished } from "../values/inputs.ts";
import { norm, scaled } from "../values/linear.ts";
import { watch } from "../values/watch.ts";

/**
 * The stream that enters layer 0: inputs rows [U, D] of the embedding and `places` among them, i64 [N]; output x [N, D]. With learned
 * positions also rows of those, `position_rows` [P, D], and `position_places` among them.
 */
export function embeddingGraph(hidden: number, scale: number, learned = false): Graph {
  const graph = createGraph();
  const rows = graph.input("rows", "f32", ["rows", hidden]);
  const taken = scaled(Gather(rows, graph.input("places", "i64", ["tokens"])), scale);
  const at = () =>
    Gather(
      graph.input("position_rows", "f32", ["positions", hidden]),
      graph.input("position_places", "i64", ["tokens"]),
    );
  graph.output("x", watch(learned ? Add(taken, at()) : taken));
  return finished(graph);
}

/**
 * The input of the head: inputs x0, x1, … [N, D], the final streams of P plans, and `rows` (i64 [n]) of them; output
 * `hidden` [n, P, D], those rows after the final norm, times the scale of the logits.
 */
export function scoredRowsGraph(
  { finalNorm: spec, head, hidden }: Pick<ModelSpec, "finalNorm" | "head" | "hidden">,
  plans: number,
): Graph {
  const graph = createGraph();
  const rows = graph.input("rows", "i64", ["rows"]);
  const streams = Array.from({ length: plans }, (_, plan) => {
    const taken = Gather(graph.input(`x${plan}`, "f32", ["tokens", hidden]), rows);
    return Reshape(taken, [-1, 1, hidden]);
  });
  const values = new Map(
    normTensors("final_norm", spec, hidden).map(([name, shape]) => [name, graph.input(name, "f32", shape)]),
  );
  const normed = scaled(
    norm(Concat(streams, 1), spec, "final_norm", { values, products: "f32" }),
    head.scale,
  );
  watch(Reshape(normed, [-1, hidden]));
  graph.output("hidden", normed);
  return finished(graph);
}
