/** Weights in every type that an engine can be fed, and products in both of theirs. */
import assert from "node:assert/strict";
import { fedWeight, linear } from "../../src/models/values/linear.ts";
import { Cast, cpuLowering, createGraph, Gemm, type Graph, type Lowering } from "../../src/onnx/mod.ts";
import { bf16ToF32, fillNormal, float32, streamKeys, type Tensor, toFloat32 } from "../../src/tensor/mod.ts";
import { runGraph, UNIT } from "../support.ts";

const [ROWS, INNER, WIDTH] = [5, 96, 7];

function normal(shape: readonly number[], seed: number): Tensor & { data: Float32Array } {
  const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
  fillNormal(data, streamKeys(seed, 0, 0), 0, 1);
  return float32(shape, data);
}

/** The upper halves of float32 numbers. */
function bf16({ shape, data }: Tensor & { data: Float32Array }): Tensor {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  return { dtype: "bf16", shape, data: Uint16Array.from(words, (word) => word >>> 16) };
}

const x = normal([ROWS, INNER], 1);
const weight = bf16(normal([WIDTH, INNER], 2));
const bias = normal([WIDTH], 3);
const widened = float32(weight.shape, toFloat32(weight));

/** x Wᵀ + b in a graph of its own. */
function build(graph: Graph, lowering: Lowering): Graph {
  const values = new Map([
    ["w.weight", fedWeight(graph, "w.weight", "bf16", weight.shape, lowering)],
    ["w.bias", fedWeight(graph, "w.bias", "f32", bias.shape, lowering)],
  ]);
  const weights = { values, products: lowering.products };
  graph.output("y", linear(graph.input("x", "f32", x.shape), "w", weights));
  return graph;
}

async function run(graph: Graph, feeds: Record<string, Tensor>): Promise<Float32Array> {
  const { y } = await runGraph(graph, { "w.bias": bias, ...feeds });
  return y.data as Float32Array;
}

Deno.test("BF16 fed by its bits is BF16 widened before, to the last bit", async () => {
  const bits = await run(build(createGraph(), cpuLowering), { x, "w.weight": weight });
  const before = await run(build(createGraph(), { ...cpuLowering, bfloat16: "widened" }), {
    x,
    "w.weight": widened,
  });
  assert.deepEqual(bits, before);
});

/** A graph whose products of BF16 are made as a GPU makes them: summed in float32, rounded at the end. The CPU has none. */
function withProducts(): Graph {
  const graph = createGraph();
  const { node } = graph;
  graph.node = (operator, inputs, ...rest) => {
    if (operator !== "Gemm") return node(operator, inputs, ...rest);
    graph.node = node;
    const [a, b] = inputs.map((value) => Cast(value!, "f32"));
    return [Cast(Gemm(a, b), "bf16")];
  };
  return graph;
}

/** Unit roundoff of BF16, which has 8 significant bits. */
const UNIT_BF16 = 2 ** -9;

Deno.test("a product of BF16 is within the roundings of a factor and of the result; the bias is float32's", async () => {
  const lowering: Lowering = { ...cpuLowering, products: "bf16" };
  const y = await run(build(withProducts(), lowering), { x, "w.weight": weight });
  const w = bf16ToF32(weight.data as Uint16Array);
  let off = 0;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < WIDTH; column++) {
      const terms = Array.from({ length: INNER }, (_, i) => x.data[row * INNER + i] * w[column * INNER + i]);
      const exact = terms.reduce((sum, term) => sum + term, 0);
      const sizes = terms.reduce((sum, term) => sum + Math.abs(term), 0);
      const factor = (UNIT_BF16 + INNER * UNIT) * sizes; // x rounded (w is as stored), sums in float32
      const tolerance = factor + UNIT_BF16 * (Math.abs(exact) + factor) + UNIT * Math.abs(bias.data[column]);
      const error = Math.abs(y[row * WIDTH + column] - bias.data[column] - exact);
      assert.ok(
        error <= tolerance + UNIT * Math.abs(y[row * WIDTH + column]),
        `${error}, at most ${tolerance}`,
      );
      off = Math.max(off, error);
    }
  }
  assert.ok(off > INNER * UNIT, `an error of ${off} is float32's`);
  const zeros = float32(x.shape, new Float32Array(ROWS * INNER));
  const alone = await run(build(withProducts(), lowering), { x: zeros, "w.weight": weight });
  assert.deepEqual(alone, Float32Array.from({ length: ROWS * WIDTH }, (_, i) => bias.data[i % WIDTH]));
});
