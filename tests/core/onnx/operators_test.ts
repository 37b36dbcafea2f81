/** Every operator, run by the reference engine, against the formula in its description. */
import assert from "node:assert/strict";
import * as onnx from "core/onnx/mod.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { distance } from "../../model.ts";
import { runGraph } from "../../support.ts";
import { protoOf } from "./read.ts";

/** Runs one expression of float32 inputs: shapes and numbers of the inputs, the value of the expression. */
async function evaluate(
  inputs: readonly Tensor[],
  build: (...values: onnx.Value[]) => onnx.Value,
  dtype: Tensor["dtype"] = "f32",
): Promise<Tensor> {
  const graph = onnx.createGraph();
  const values = inputs.map(({ dtype, shape }, i) => graph.input(`x${i}`, dtype, shape));
  graph.output("y", build(...values), dtype);
  return (await runGraph(graph, Object.fromEntries(inputs.map((tensor, i) => [`x${i}`, tensor])))).y;
}

const tensor = (shape: number[], ...values: number[]) => float32(shape, Float32Array.from(values));
const x = tensor([2, 3], -2, -0.5, 0, 0.25, 1, 3);
const y = tensor([2, 3], 1, 2, 4, 0.5, -1, 8);
const map = (f: (x: number) => number) => [...x.data as Float32Array].map(f);
const zip = (f: (x: number, y: number) => number) => map(Number).map((a, i) => f(a, Number(y.data[i])));

/** The Gauss error function by its series: Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)) · 2/√π. */
function erf(x: number): number {
  let [sum, power] = [0, x];
  for (let n = 0; n < 60; n++, power *= -x * x / n) sum += power / (2 * n + 1);
  return sum * 2 / Math.sqrt(Math.PI);
}
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const tanhGelu = (x: number) => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

type Row = [
  inputs: Tensor[],
  build: (...values: onnx.Value[]) => onnx.Value,
  shape: number[],
  expected: number[],
];
const rows: Record<string, Row> = {
  Add: [[x, y], onnx.Add, [2, 3], zip((a, b) => a + b)],
  Sub: [[x, y], onnx.Sub, [2, 3], zip((a, b) => a - b)],
  Mul: [[x, y], onnx.Mul, [2, 3], zip((a, b) => a * b)],
  Div: [[x, y], onnx.Div, [2, 3], zip((a, b) => a / b)],
  Exp: [[x], onnx.Exp, [2, 3], map(Math.exp)],
  Tanh: [[x], onnx.Tanh, [2, 3], map(Math.tanh)],
  Sigmoid: [[x], onnx.Sigmoid, [2, 3], map(sigmoid)],
  "Clip, both sides": [[x], (x) => onnx.Clip(x, -1, 2), [2, 3], map((v) => Math.min(2, Math.max(-1, v)))],
  "Clip, from above": [[x], (x) => onnx.Clip(x, null, 0.5), [2, 3], map((v) => Math.min(0.5, v))],
  Where: [[x, y], (x, y) => onnx.Where(onnx.Less(x, y), x, y), [2, 3], zip(Math.min)],
  ScatterElements: [
    [x, tensor([2, 1], 9, 9)],
    (x, nine) => onnx.ScatterElements(x, onnx.ArgMax(x), nine, 1),
    [2, 3],
    [-2, -0.5, 9, 0.25, 1, 9],
  ],
  ScatterND: [
    [x],
    (x) => onnx.ScatterND(x, onnx.Reshape(onnx.ints(x.graph, [1]), [-1, 1]), onnx.Slice(x, 0, 1, 0)),
    [2, 3],
    [-2, -0.5, 0, -1.75, 0.5, 3],
  ],
  NonZero: [[x], (x) => onnx.Cast(onnx.NonZero(onnx.Slice(x, 0, 1, 0)), "f32"), [2, 2], [0, 0, 0, 1]],
  Relu: [[x], onnx.Relu, [2, 3], map((v) => Math.max(v, 0))],
  "Gelu, erf": [[x], (x) => onnx.Gelu(x, "none"), [2, 3], map((v) => v / 2 * (1 + erf(v / Math.SQRT2)))],
  "Gelu, tanh": [[x], (x) => onnx.Gelu(x, "tanh"), [2, 3], map(tanhGelu)],
  "QuickGelu is SiLU at alpha 1": [[x], (x) => onnx.QuickGelu(x, 1), [2, 3], map((v) => v * sigmoid(v))],
  softcap: [[x], (x) => onnx.softcap(x, 2), [2, 3], map((v) => 2 * Math.tanh(v / 2))],
  scalar: [[x], (x) => onnx.Mul(x, onnx.scalar(x.graph, 0.5)), [2, 3], map((v) => v / 2)],
  MatMul: [[x, tensor([3, 1], 1, 2, 4)], onnx.MatMul, [2, 1], [-3, 14.25]],
  "Gemm takes weights as [out, in]": [[x, y], (x, y) => onnx.Gemm(x, y), [2, 2], [-3, -0.5, 14.25, 23.125]],
  "Gemm with a bias": [[x, y, tensor([2], 1, 10)], (x, y, b) => onnx.Gemm(x, y, b), [2, 2], [
    -2,
    9.5,
    15.25,
    33.125,
  ]],
  Reshape: [[x], (x) => onnx.Reshape(x, [3, -1]), [3, 2], map(Number)],
  Transpose: [[x], (x) => onnx.Transpose(x, [1, 0]), [3, 2], [-2, 0.25, -0.5, 1, 0, 3]],
  Softmax: [[tensor([1, 2], 0, Math.log(3))], (x) => onnx.Softmax(x, 1), [1, 2], [0.25, 0.75]],
  Concat: [[x, y], (x, y) => onnx.Concat([x, y], 1), [2, 6], [-2, -0.5, 0, 1, 2, 4, 0.25, 1, 3, 0.5, -1, 8]],
  Expand: [[tensor([2, 1], 1, 2)], (x) => onnx.Expand(x, [2, 3]), [2, 3], [1, 1, 1, 2, 2, 2]],
  "Attention: one query, two heads that share keys, a cap before the mask": [
    [
      tensor([1, 1, 4], 1, 0, 0, 1),
      tensor([1, 3, 2], 1, 2, 3, 4, 9, 9),
      tensor([1, 3, 2], 1, 0, 0, 1, 7, 7),
      tensor([1, 3], 0, 0, -(2 ** 127)),
    ],
    (q, k, v, mask) => onnx.Attention(q, k, v, mask, { heads: 2, kvHeads: 1, scale: 0.5, softcap: 2 }),
    [1, 1, 4],
    [[1, 3], [2, 4]].flatMap((products) => {
      const [first, second] = products.map((product) => Math.exp(2 * Math.tanh(product * 0.5 / 2)));
      return [first, second].map((weight) => weight / (first + second));
    }),
  ],
  Slice: [[x], (x) => onnx.Slice(x, 1, 3, 1), [2, 2], [-0.5, 0, 1, 3]],
  "Slice by steps": [[x], (x) => onnx.Slice(x, 0, 3, 1, 2), [2, 2], [-2, 0, 0.25, 3]],
  Split: [[x], (x) => onnx.Split(x, [1, 2], 1)[1], [2, 2], [-0.5, 0, 1, 3]],
  "TopK, the largest first": [[x], (x) => onnx.TopK(x, 2).values, [2, 2], [0, -0.5, 3, 1]],
  Less: [[x, y], (x, y) => onnx.Cast(onnx.Less(x, y), "f32"), [2, 3], zip((a, b) => Number(a < b))],
  ReduceSumSquare: [[x], onnx.ReduceSumSquare, [2], [4.25, 10.0625]],
  ReduceSum: [[x], (x) => onnx.ReduceSum(x, [1]), [2], [-2.5, 4.25]],
  "the largest by its place": [[x], (x) => onnx.GatherElements(x, onnx.ArgMax(x), 1), [2, 1], [0, 3]],
  SimplifiedLayerNormalization: [
    [tensor([1, 2], 3, 4), tensor([2], 1, 2)],
    (x, scale) => onnx.SimplifiedLayerNormalization(x, scale, 0.5),
    [1, 2],
    [3 / Math.sqrt(13), 8 / Math.sqrt(13)],
  ],
  LayerNormalization: [
    [tensor([1, 2], 1, 5), tensor([2], 1, 2), tensor([2], 0.5, 0)],
    (x, scale, bias) => onnx.LayerNormalization(x, scale, bias, 0.5),
    [1, 2],
    [0.5 - 2 / Math.sqrt(4.5), 4 / Math.sqrt(4.5)],
  ],
};

for (const [name, [inputs, build, shape, expected]] of Object.entries(rows)) {
  Deno.test(name, async () => {
    const result = await evaluate(inputs, build);
    assert.deepEqual([...result.shape], shape);
    // Sums of three products at most, and functions within a few units of the last place: 16 roundings of the largest.
    const tolerance = 16 * 2 ** -24 * Math.max(...expected.map(Math.abs));
    assert.ok(
      distance(result.data as Float32Array, expected) <= tolerance,
      `${result.data}, expected ${expected}`,
    );
  });
}

Deno.test("ArgMax and TopK say where; GatherElements picks by index; MatMulInteger sums wide; Cast keeps the number", async () => {
  const best = await evaluate([tensor([2, 3], 1, 3, 3, 9, 2, 9)], (x) => onnx.ArgMax(x), "i64");
  assert.deepEqual(best, { dtype: "i64", shape: [2, 1], data: BigInt64Array.of(1n, 0n) });
  const indices: Tensor = { dtype: "i64", shape: [2, 1], data: BigInt64Array.of(2n, 0n) };
  const picked = await evaluate([x, indices], (x, at) => onnx.GatherElements(x, at, 1));
  assert.deepEqual([...picked.data], [0, 0.25]);
  const largest = await evaluate([x], (x) => onnx.TopK(x, 2).indices, "i64");
  assert.deepEqual(largest.data, BigInt64Array.of(2n, 1n, 2n, 1n));
  const bytes: Tensor = { dtype: "u8", shape: [1, 3], data: Uint8Array.of(255, 1, 0) };
  const signed: Tensor = { dtype: "i8", shape: [3, 1], data: Int8Array.of(127, -1, 5) };
  const product = await evaluate([bytes, signed], onnx.MatMulInteger, "i32");
  assert.deepEqual(product, { dtype: "i32", shape: [1, 1], data: Int32Array.of(255 * 127 - 1) });
  const cast = await evaluate([tensor([2], 1.75, -3)], (x) => onnx.Cast(x, "i32"), "i32");
  assert.deepEqual(cast.data, Int32Array.of(1, -3));
});

Deno.test("RotaryEmbedding turns pairs of halves by the angle of their position, and leaves the rest of a head", async () => {
  const angles = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]; // [position, pair]
  const cos = tensor([3, 2], ...angles.flat().map(Math.cos));
  const sin = tensor([3, 2], ...angles.flat().map(Math.sin));
  const values = Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const start: Tensor = { dtype: "i64", shape: [1], data: BigInt64Array.of(1n) };
  const rotated = await evaluate(
    [tensor([1, 2, 12], ...values), start, cos, sin],
    (x, position, cos, sin) => onnx.RotaryEmbedding(x, position, { cos, sin }, { heads: 2, size: 4 }),
  );
  const expected = values.map((value, i) => {
    const [token, within] = [Math.trunc(i / 12), i % 6];
    if (within >= 4) return value;
    const angle = angles[token + 1][within % 2];
    const other = within < 2 ? -values[i + 2] : values[i - 2];
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
  assert.ok(distance(rotated.data as Float32Array, expected) <= 4 * 2 ** -24);
});

Deno.test("a constant that does not fill its shape is refused", () => {
  const graph = onnx.createGraph();
  const wrong: Tensor = { dtype: "f32", shape: [2, 2], data: new Float32Array(3) };
  assert.throws(() => graph.constant(wrong), { name: "RangeError", message: /3 elements, expected \[2,2\]/ });
});

Deno.test("outputs are what nodes give, without a copy; what is an input, or an output twice, is copied", async () => {
  const graph = onnx.createGraph();
  const [a, b] = ["a", "b"].map((name) => graph.input(name, "f32", [1]));
  const sum = onnx.Add(a, b);
  graph.output("sum", sum);
  graph.output("again", sum);
  graph.output("first", a);
  graph.output("double", onnx.Mul(sum, onnx.scalar(graph, 2))); // used after it was named
  const copies = protoOf(graph).node.filter(({ opType }) => opType === "Identity");
  assert.deepEqual(copies.map(({ output }) => output), [["again"], ["first"]]);
  const given = await runGraph(graph, { a: tensor([1], 1), b: tensor([1], 2) });
  const numbers = Object.entries(given).map(([name, { data }]) => [name, Number(data[0])]);
  assert.deepEqual(Object.fromEntries(numbers), { sum: 3, again: 3, first: 1, double: 6 });
});
