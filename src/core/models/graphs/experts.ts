/**
 * The graphs of a mixture that is run expert by expert.
 *
 * All tokens are routed first. Each expert that some token chose then has its turn, with its weights fed: it takes the rows of its
 * tokens, and adds what it makes of them, weighted, to the sum of the experts before it. So memory is that of one expert, and
 * what no token chose is never read. What they make is not watched: the sum is, by the graph that takes it. Letters as in pieces.ts;
 * N tokens, X experts, k of them a token's, n tokens of one expert.
 */
import { cpuLowering, createGraph, type Graph, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import {
  addRows,
  expert,
  type ExpertSpec,
  type MixtureSpec,
  route,
  type RouterTaps,
  routerTensors,
  shared,
  type SharedSpec,
  sharedTensors,
} from "../modules/experts.ts";
import { networkTensors } from "../modules/needs.ts";
import { finished, weightInputs } from "../values/inputs.ts";
import { norm, type Weights } from "../values/linear.ts";
import { watch } from "../values/watch.ts";
import type { ModuleOptions } from "./layer.ts";

/**
 * Routing: inputs x [N, D] and, if attention runs, a [N, D]; outputs `normed` [N, D], what experts read, `experts` (int64) and
 * `weights` [N, k], and `sum` [N, D] of zeros, to which experts add. `tap` adds outputs of its own.
 */
export function routerGraph(
  spec: MixtureSpec,
  hidden: number,
  withAttention: boolean,
  { tap, stored, lowering = cpuLowering }: Omit<ModuleOptions<RouterTaps>, "onto"> = {},
): Graph {
  const graph = createGraph();
  const x = graph.input("x", "f32", ["tokens", hidden]);
  const h = withAttention ? op.Add(x, graph.input("a", "f32", ["tokens", hidden])) : x;
  const weights = weightInputs(graph, routerTensors(spec, hidden), lowering, stored);
  const normed = watch(norm(h, spec.norm.pre, "mlp.norm", weights));
  const routed = route(normed, spec, weights);
  watch(routed.logits);
  graph.output("normed", normed);
  graph.output("experts", routed.experts, "i64");
  graph.output("weights", routed.weights);
  graph.output("sum", op.Sub(normed, normed));
  return finished(graph, tap?.(routed));
}

/**
 * One expert, or some of its inner units: inputs `normed` [N, D], `rows` (int64 [n]) of its tokens, their `places` in what the router
 * weighs (int64 [n], row · k + which), `weights` [N, k] and the `sum` [N, D] so far; where the engine gathers, `gains` (int64 [N]),
 * for every token which of the n it is, or n for none; output `next`, the sum with its own. Weights are named without the expert. `onto`: other units of it are in the sum, and its bias.
 */
export function expertGraph(
  spec: ExpertSpec,
  hidden: number,
  top: number,
  { onto = false, stored, lowering = cpuLowering }: Omit<ModuleOptions<never>, "tap"> = {},
): Graph {
  const graph = createGraph();
  const normed = graph.input("normed", "f32", ["tokens", hidden]);
  const rows = graph.input("rows", "i64", ["rows"]);
  const places = graph.input("places", "i64", ["rows"]);
  const shares = op.Gather(op.Reshape(graph.input("weights", "f32", ["tokens", top]), [-1, 1]), places);
  const sum = graph.input("sum", "f32", ["tokens", hidden]);
  const weights = weightInputs(graph, networkTensors("expert", spec, hidden), lowering, stored);
  const made = expert(op.Gather(normed, rows), spec, "expert", onto ? withoutBias(weights) : weights);
  const added = op.Mul(made, shares);
  const next = lowering.rows === "scattered"
    ? addRows(sum, rows, added)
    : addGains(sum, graph.input("gains", "i64", ["tokens"]), added, hidden);
  graph.output("next", next);
  return finished(graph);
}

/** The network that all tokens pass through, or some of its inner units: inputs `normed` and the `sum` [N, D] so far; output `next`. */
export function sharedGraph(
  spec: SharedSpec,
  hidden: number,
  { onto = false, stored, lowering = cpuLowering }: Omit<ModuleOptions<never>, "tap"> = {},
): Graph {
  const graph = createGraph();
  const normed = graph.input("normed", "f32", ["tokens", hidden]);
  const sum = graph.input("sum", "f32", ["tokens", hidden]);
  const weights = weightInputs(graph, sharedTensors(spec, hidden), lowering, stored);
  graph.output("next", op.Add(sum, shared(normed, spec, onto ? withoutBias(weights) : weights)));
  return finished(graph);
}

/** Adds to each row of a sum one of some rows, or nothing. */
function addGains(sum: Value, gains: Value, added: Value, hidden: number): Value {
  const nothing = sum.graph.constant(float32([1, hidden], new Float32Array(hidden)));
  return op.Add(sum, op.Gather(op.Concat([added, nothing], 0), gains));
}

/** The bias of what is added to a sum is in it already. */
function withoutBias({ values, ...weights }: Weights): Weights {
  return { ...weights, values: new Map([...values].filter(([name]) => !name.endsWith("down_proj.bias"))) };
}
