/**
 * Mixtures of experts: the kind, and as values of a graph routing, an expert, and all experts over the tokens that chose them.
 *
 * Letters as in pieces.ts; N tokens, X experts, k of them a token's.
 */
import { scalar, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { AnyModule, NetworkSpec, TensorNeed } from "../pieces.ts";
import { linear, norm, type Weights } from "../values/linear.ts";
import { type FeedKind, placed, together } from "./kind.ts";
import { linearTensors, networkTensors, normTensors } from "./needs.ts";
import { innerProduct, networkWidth, resized } from "./dense.ts";

/** A network that some tokens pass through, without norms of its own. */
export interface ExpertSpec extends NetworkSpec {
  /** The limit of gate and up (dense.ts); null for none. */
  readonly limit: number | null;
}

/**
 * How experts are chosen for a token, and the weights of their outputs. `softmax` and `sigmoid` score every expert,
 * `softmax-of-top` the chosen ones only. Source: Hugging Face `modeling_mixtral.py`, `modeling_deepseek_v3.py`, `modeling_gpt_oss.py`.
 */
export interface RouterSpec {
  readonly score: "softmax" | "sigmoid" | "softmax-of-top";
  /** Whether the scores of the chosen are divided by their sum. */
  readonly renormalise: boolean;
  /** Multiplies them. */
  readonly scale: number;
  readonly bias: boolean;
  /** Whether a bias is added to the scores for choosing only. */
  readonly correction: boolean;
  /** Experts lie in groups, of which the `top` with the highest sum of their two best scores are left to choose from; null for no groups. */
  readonly groups: { readonly count: number; readonly top: number } | null;
}

/** A network that all tokens pass through beside their experts; multiplied by σ(w · norm(x)) if it has a `gate`. */
export interface SharedSpec extends ExpertSpec {
  readonly gate: boolean;
}

/** Experts and their router: Σ weight · expert(norm(x)) over the `top` that the router chooses of X, and a shared network. */
export interface MixtureSpec extends AnyModule {
  readonly kind: "mixture";
  /** X */
  readonly experts: number;
  readonly top: number;
  readonly router: RouterSpec;
  readonly expert: ExpertSpec;
  readonly shared: SharedSpec | null;
}

/** The tensors that every token needs before its experts are known. */
export function routerTensors({ norm, experts, router }: MixtureSpec, hidden: number): TensorNeed[] {
  return [
    ...normTensors("mlp.norm", norm.pre, hidden),
    ...linearTensors("mlp.router", [experts, hidden], false, { stream: 10 }),
    ...(router.bias ? [["mlp.router.bias", [experts], { stream: 27 }] as const] : []),
    ...(router.correction ? [["mlp.router.correction", [experts], { constant: 0 }] as const] : []),
  ];
}

export function sharedTensors(shared: SharedSpec, hidden: number): TensorNeed[] {
  return [
    ...networkTensors("mlp.shared", shared, hidden, 11),
    ...(shared.gate ? linearTensors("mlp.shared_gate", [1, hidden], false, { stream: 14 }) : []),
  ];
}

/** The stem of an expert's tensors: "mlp.experts.3". */
export const expertName = (expert: number) => `mlp.experts.${expert}`;

/** The tensors of an expert; the streams of all experts come behind those of all other tensors. */
function expertTensors(expert: number, { expert: spec }: MixtureSpec, hidden: number): TensorNeed[] {
  return networkTensors(expertName(expert), spec, hidden, 2 ** 16 + 3 * expert);
}

/** A mixture of experts in the place of an MLP. It is never part of a parallel residual. */
export const mixture: FeedKind<MixtureSpec> = {
  kind: "mixture",
  title: "a mixture of experts",
  tensors: (spec, hidden) => [
    ...routerTensors(spec, hidden),
    ...(spec.shared ? sharedTensors(spec.shared, hidden) : []),
    ...Array.from({ length: spec.experts }, (_, e) => expertTensors(e, spec, hidden)).flat(),
    ...normTensors("mlp.post_norm", spec.norm.post, hidden),
  ],
  groups: (spec, hidden) => [
    ...together([...routerTensors(spec, hidden), ...normTensors("mlp.post_norm", spec.norm.post, hidden)]),
    ...spec.shared ? together(sharedTensors(spec.shared, hidden)) : [],
    { tensors: expertTensors(0, spec, hidden), count: spec.experts, top: spec.top },
  ],
  width: ({ expert }) => networkWidth(expert),
  cut: () => [],
  reshaped: (spec, ratio, changes) => ({
    ...spec,
    norm: placed(spec.norm, changes),
    expert: resized(spec.expert, ratio),
    shared: spec.shared && resized(spec.shared, ratio),
  }),
  inexpressible: {
    "gguf-deci": "has mixtures of experts, which llama.cpp's deci does not support",
    "hf-nas": "has mixtures of experts, for which the format has no place",
  },
  /** All of it in one graph. */
  raw: (x, spec, weights) => mixed(norm(x, spec.norm.pre, "mlp.norm", weights), spec, weights),
  routed: true,
};

/** Values of a router for N tokens that probes may add to its outputs: logits [N, X], and the weights [N, k] of each token's experts. */
export type RouterTaps = { readonly logits: Value; readonly weights: Value };

/** All of a mixture in one graph: its update before the norm behind it, of normed rows [N, D]. Experts run over their tokens only. */
function mixed(normed: Value, spec: MixtureSpec, weights: Weights): Value {
  const routed = route(normed, spec, weights);
  const zeros = op.Mul(routed.logits, scalar(normed.graph, 0));
  const byExpert = op.ScatterElements(zeros, routed.experts, routed.weights, 1);
  let sum = spec.shared ? shared(normed, spec.shared, weights) : op.Sub(normed, normed);
  for (let e = 0; e < spec.experts; e++) {
    const shares = op.Slice(byExpert, e, e + 1, 1);
    const rows = op.Reshape(op.Slice(op.NonZero(shares), 0, 1, 0), [-1]);
    const made = expert(op.Gather(normed, rows), spec.expert, expertName(e), weights);
    sum = addRows(sum, rows, op.Mul(made, op.Gather(shares, rows)));
  }
  return sum;
}

/** The experts of each token, int64 [N, k], and their weights for normed rows [N, D]. The product is float32 in every lowering: it decides who runs. */
export function route(
  normed: Value,
  { top, experts, router }: MixtureSpec,
  weights: Weights,
): RouterTaps & { readonly experts: Value } {
  const { graph } = normed;
  const logits = linear(normed, "mlp.router", { ...weights, products: "f32" });
  if (router.score === "softmax-of-top") {
    const { values, indices } = op.TopK(logits, top);
    return { logits, experts: indices, weights: op.Softmax(values, -1) };
  }
  const scores = router.score === "softmax" ? op.Softmax(logits, -1) : op.Sigmoid(logits);
  const corrected = router.correction ? op.Add(scores, weights.values.get("mlp.router.correction")!) : scores;
  const { indices } = op.TopK(
    router.groups ? inBestGroups(corrected, experts, router.groups) : corrected,
    top,
  );
  let shares = op.GatherElements(scores, indices, 1);
  if (router.renormalise) shares = op.Div(shares, op.Add(op.ReduceSum(shares, [-1], 1), scalar(graph, TINY)));
  return {
    logits,
    experts: indices,
    weights: router.scale === 1 ? shares : op.Mul(shares, scalar(graph, router.scale)),
  };
}

/** The families add this to a sum before they divide by it. */
const TINY = 1e-20;

/** Scores [N, X], −∞ in all groups but the best. */
function inBestGroups(
  scores: Value,
  experts: number,
  { count, top }: NonNullable<RouterSpec["groups"]>,
): Value {
  const size = experts / count;
  const best = op.ReduceSum(op.TopK(op.Reshape(scores, [-1, count, size]), Math.min(2, size)).values, [-1]);
  const least = op.Slice(op.TopK(best, top).values, top - 1, top, 1);
  const left = op.Reshape(op.Less(best, least), [-1, count, 1]);
  const grouped = op.Reshape(scores, [-1, count, size]);
  return op.Reshape(op.Where(left, scalar(scores.graph, -Infinity), grouped), [-1, experts]);
}

/** The output of an expert for normed rows. */
export function expert(x: Value, spec: ExpertSpec, name: string, weights: Weights): Value {
  return linear(innerProduct(x, spec, name, weights), `${name}.down_proj`, weights);
}

/** The output of the shared network, [N, D]. */
export function shared(normed: Value, spec: SharedSpec, weights: Weights): Value {
  const made = expert(normed, spec, "mlp.shared", weights);
  return spec.gate
    ? op.Mul(made, op.Sigmoid(linear(normed, "mlp.shared_gate", { ...weights, products: "f32" })))
    : made;
}

/** Adds to some rows of a sum; each row once, so that the order of additions is one. */
export function addRows(sum: Value, rows: Value, added: Value): Value {
  return op.ScatterND(sum, op.Reshape(rows, [-1, 1]), added);
}
