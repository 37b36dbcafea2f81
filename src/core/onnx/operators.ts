/** ONNX operators, one function each, named and ordered as in the specification. Only what the module graphs use. */
import { type DType, indices } from "../tensor/mod.ts";
import { dataType, type Graph, type Value } from "./graph.ts";

const one = (values: Value[]): Value => values[0];

const made = new WeakMap<Graph, Map<string, unknown>>();

/** What was made for a graph by that key, or what `make` makes now. */
export function once<T>(graph: Graph, key: string, make: () => T): T {
  if (!made.has(graph)) made.set(graph, new Map());
  const known = made.get(graph)! as Map<string, T>;
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** A one-dimensional int64 constant: shapes, axes, slice bounds. Those of a graph's slices and shapes repeat. */
export function ints(graph: Graph, values: readonly number[]): Value {
  return once(graph, `ints ${values}`, () => graph.constant(indices(values)));
}

/** A float32 scalar constant. */
export function scalar(graph: Graph, value: number): Value {
  return graph.constant({ dtype: "f32", shape: [], data: Float32Array.of(value) });
}

const unary = (operator: string) => (x: Value): Value => one(x.graph.node(operator, [x]));
const binary = (operator: string) => (a: Value, b: Value): Value => one(a.graph.node(operator, [a, b]));

export const Add = binary("Add"), Sub = binary("Sub"), Mul = binary("Mul"), Div = binary("Div");
export const Cos = unary("Cos"), Sin = unary("Sin"), Exp = unary("Exp"), Tanh = unary("Tanh");
export const Sigmoid = unary("Sigmoid"), Relu = unary("Relu");
/** log(1 + e^x) */
export const Softplus = unary("Softplus");
export const MatMul = binary("MatMul");

/** a · b of bytes, summed in int32; `a` is u8 and `b` i8. */
export const MatMulInteger = binary("MatMulInteger");

/** a < b, as bool. */
export const Less = binary("Less");

/** Numbers below a bound become the bound, and so do those above the other; null for no bound. */
export const Clip = (x: Value, least: number | null, most: number | null): Value => {
  const bounds = [least, most].map((bound) => bound === null ? null : scalar(x.graph, bound));
  return one(x.graph.node("Clip", [x, ...bounds]));
};

/** `a` where a condition (bool) holds, `b` elsewhere. */
export const Where = (condition: Value, a: Value, b: Value): Value =>
  one(a.graph.node("Where", [condition, a, b]));

/** a · b (+ c), `b` transposed by default: Hugging Face stores a linear layer as [out, in]. */
export const Gemm = (a: Value, b: Value, c: Value | null = null, { transA = 0, transB = 1 } = {}): Value =>
  one(a.graph.node("Gemm", c ? [a, b, c] : [a, b], { ...transA ? { transA } : {}, transB }));

/** cap · tanh(x / cap), of these operators: scores and logits that may not pass ±cap. */
export function softcap(x: Value, cap: number): Value {
  const value = scalar(x.graph, cap);
  return Mul(Tanh(Div(x, value)), value);
}

/** Gaussian error linear unit; `approximate` "none" (erf) or "tanh". */
export const Gelu = (x: Value, approximate: "none" | "tanh"): Value =>
  one(x.graph.node("Gelu", [x], { approximate }));

export const Cast = (x: Value, to: DType): Value => one(x.graph.node("Cast", [x], { to: dataType(to) }));

/** In a new shape, which may be known only when the graph runs (an i64 list). What was reshaped before is taken as it was then, unless a side (0) stays. */
export function Reshape(x: Value, shape: readonly number[] | Value): Value {
  const { graph } = x;
  const known = once(graph, "reshaped", () => new Map<string, Value>()); // what was reshaped, by the results
  const keepsSide = "graph" in shape || shape.includes(0);
  const from = keepsSide ? x : known.get(x.name) ?? x;
  const made = one(graph.node("Reshape", [from, "graph" in shape ? shape : ints(graph, shape)]));
  known.set(made.name, from);
  return made;
}

/** The shape itself, as an i64 list, from an axis on. */
export const Shape = (x: Value, start = 0): Value => one(x.graph.node("Shape", [x], start ? { start } : {}));

/** Zeros before and behind along each axis: all counts before, then all behind. */
export const Pad = (x: Value, pads: readonly number[]): Value =>
  one(x.graph.node("Pad", [x, ints(x.graph, pads)]));

export const Transpose = (x: Value, perm: readonly number[]): Value =>
  one(x.graph.node("Transpose", [x], { perm }));

export const Softmax = (x: Value, axis: number): Value => one(x.graph.node("Softmax", [x], { axis }));

export const Concat = (values: readonly Value[], axis: number): Value =>
  values.length === 1 ? values[0] : one(values[0].graph.node("Concat", values, { axis }));

/** The elements repeated along axes of one, to a shape, which may be known only when the graph runs. */
export const Expand = (x: Value, shape: readonly number[] | Value): Value =>
  one(x.graph.node("Expand", [x, "graph" in shape ? shape : ints(x.graph, shape)]));

/** Elements start, start + step, … before end, along one axis. */
export const Slice = (x: Value, start: number, end: number, axis: number, step = 1): Value =>
  one(x.graph.node("Slice", [x, ...[start, end, axis, step].map((value) => ints(x.graph, [value]))]));

/** Consecutive parts along an axis, of `sizes` elements. */
export const Split = (x: Value, sizes: readonly number[], axis: number): Value[] =>
  x.graph.node("Split", [x, ints(x.graph, sizes)], { axis }, sizes.length);

/** Rows of `x` along an axis at `indices` (i64). */
export const Gather = (x: Value, indices: Value, axis = 0): Value =>
  one(x.graph.node("Gather", [x, indices], { axis }));

/** Vectors along an axis divided by their p-norm; a vector of zeros stays one. */
export const LpNormalization = (x: Value, axis: number, p: 1 | 2): Value =>
  one(x.graph.node("LpNormalization", [x], { axis, p }));

export const GatherElements = (x: Value, indices: Value, axis: number): Value =>
  one(x.graph.node("GatherElements", [x, indices], { axis }));

/** `x` with other elements at `indices` along an axis. */
export const ScatterElements = (x: Value, indices: Value, updates: Value, axis: number): Value =>
  one(x.graph.node("ScatterElements", [x, indices, updates], { axis }));

/** `x` with updates added to its slices at `indices` (i64 [n, 1]) along axis 0. */
export const ScatterND = (x: Value, indices: Value, updates: Value): Value =>
  one(x.graph.node("ScatterND", [x, indices, updates], { reduction: "add" }));

/** Where elements are not zero: i64 [rank, n]. */
export const NonZero = unary("NonZero");

/** The k largest along the last axis, the largest first, and where they stand (int64). */
export function TopK(x: Value, k: number): { values: Value; indices: Value } {
  const [values, indices] = x.graph.node("TopK", [x, ints(x.graph, [k])], { axis: -1 }, 2);
  return { values, indices };
}

export const ReduceSum = (x: Value, axes: readonly number[], keepdims = 0): Value =>
  one(x.graph.node("ReduceSum", [x, ints(x.graph, axes)], { keepdims }));

/** The sum of the squares along the last axis, which goes. Not every engine can reduce one in the middle. */
export const ReduceSumSquare = (x: Value): Value =>
  one(x.graph.node("ReduceSumSquare", [x, ints(x.graph, [-1])], { keepdims: 0 }));

/** Where along the last axis the largest element stands, the first of equals (int64); that axis stays, of length 1. */
export const ArgMax = (x: Value): Value => one(x.graph.node("ArgMax", [x], { axis: -1, keepdims: 1 }));

/** Grouped attention, softmax(softcap(q · k · scale) + mask) · v: q [B, S, H·E], k and v [B, T, K·E], mask [S, T] → [B, S, H·E]. */
export const Attention = (
  query: Value,
  key: Value,
  value: Value,
  mask: Value,
  attributes: { heads: number; kvHeads: number; scale: number; softcap: number | null },
): Value =>
  one(
    query.graph.node("Attention", [query, key, value, mask], {
      q_num_heads: attributes.heads,
      kv_num_heads: attributes.kvHeads,
      scale: { float: attributes.scale },
      softcap: attributes.softcap ? { float: attributes.softcap } : undefined,
    }),
  );

export const LayerNormalization = (x: Value, scale: Value, bias: Value | null, epsilon: number): Value => {
  const inputs = bias ? [x, scale, bias] : [x, scale];
  return one(x.graph.node("LayerNormalization", inputs, { axis: -1, epsilon: { float: epsilon } }));
};
