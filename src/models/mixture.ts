/**
 * Mixtures of experts as values of a graph: routing, an expert, and all experts over the tokens that chose them.
 *
 * Letters as in spec.ts; N tokens, X experts, k of them a token's.
 */
import {
  Add,
  Div,
  Gather,
  GatherElements,
  Less,
  Mul,
  NonZero,
  ReduceSum,
  Reshape,
  scalar,
  ScatterElements,
  ScatterND,
  Sigmoid,
  Slice,
  Softmax,
  Sub,
  TopK,
  type Value,
  Where,
} from "../onnx/mod.ts";
import { innerProduct } from "./feed_forward.ts";
import { linear, type Weights } from "./linear.ts";
import { type ExpertSpec, type MoeSpec, type RouterSpec, type SharedSpec } from "./spec.ts";
import { expertName } from "./tensors.ts";

/** What probes may add to the outputs of a router for N tokens: its logits [N, X], and the weights [N, k] of each token's experts. */
export interface RouterTaps {
  readonly logits: Value;
  readonly weights: Value;
}

/** The same, and the experts of each token, int64 [N, k]. */
interface Routed extends RouterTaps {
  readonly experts: Value;
}

/** All of a mixture in one graph: its update before the norm behind it, of normed rows [N, D]. Experts run over their tokens only. */
export function mixture(normed: Value, spec: MoeSpec, weights: Weights): Value {
  const routed = route(normed, spec, weights);
  const zeros = Mul(routed.logits, scalar(normed.graph, 0));
  const byExpert = ScatterElements(zeros, routed.experts, routed.weights, 1);
  let sum = spec.shared ? shared(normed, spec.shared, weights) : Sub(normed, normed);
  for (let e = 0; e < spec.experts; e++) {
    const shares = Slice(byExpert, e, e + 1, 1);
    const rows = Reshape(Slice(NonZero(shares), 0, 1, 0), [-1]);
    const made = expert(Gather(normed, rows), spec.expert, expertName(e), weights);
    sum = addRows(sum, rows, Mul(made, Gather(shares, rows)));
  }
  return sum;
}

/** Experts and their weights for normed rows [N, D]. The product is float32 in every lowering: it decides who runs. */
export function route(normed: Value, { top, experts, router }: MoeSpec, weights: Weights): Routed {
  const { graph } = normed;
  const logits = linear(normed, "mlp.router", { ...weights, products: "f32" });
  if (router.score === "softmax-of-top") {
    const { values, indices } = TopK(logits, top);
    return { logits, experts: indices, weights: Softmax(values, -1) };
  }
  const scores = router.score === "softmax" ? Softmax(logits, -1) : Sigmoid(logits);
  const corrected = router.correction ? Add(scores, weights.values.get("mlp.router.correction")!) : scores;
  const { indices } = TopK(router.groups ? inBestGroups(corrected, experts, router.groups) : corrected, top);
  let shares = GatherElements(scores, indices, 1);
  if (router.renormalise) shares = Div(shares, Add(ReduceSum(shares, [-1], 1), scalar(graph, TINY)));
  return {
    logits,
    experts: indices,
    weights: router.scale === 1 ? shares : Mul(shares, scalar(graph, router.scale)),
  };
}

/** What the families add to a sum that they divide by. */
const TINY = 1e-20;

/** Scores [N, X], −∞ in all groups but the best. */
function inBestGroups(
  scores: Value,
  experts: number,
  { count, top }: NonNullable<RouterSpec["groups"]>,
): Value {
  const size = experts / count;
  const best = ReduceSum(TopK(Reshape(scores, [-1, count, size]), Math.min(2, size)).values, [-1]);
  const least = Slice(TopK(best, top).values, top - 1, top, 1);
  const left = Reshape(Less(best, least), [-1, count, 1]);
  const grouped = Reshape(scores, [-1, count, size]);
  return Reshape(Where(left, scalar(scores.graph, -Infinity), grouped), [-1, experts]);
}

/** What an expert makes of normed rows. */
export function expert(x: Value, spec: ExpertSpec, name: string, weights: Weights): Value {
  return linear(innerProduct(x, spec, name, weights), `${name}.down_proj`, weights);
}

/** What all tokens pass through, [N, D]. */
export function shared(normed: Value, spec: SharedSpec, weights: Weights): Value {
  const made = expert(normed, spec, "mlp.shared", weights);
  return spec.gate
    ? Mul(made, Sigmoid(linear(normed, "mlp.shared_gate", { ...weights, products: "f32" })))
    : made;
}

/** Adds to some rows of a sum; each row once, so that the order of additions is one. */
export function addRows(sum: Value, rows: Value, added: Value): Value {
  return ScatterND(sum, Reshape(rows, [-1, 1]), added);
}
