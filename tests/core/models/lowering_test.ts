/** What graphs are made of in each lowering: operators that its engines have, weights in every type that an engine can be fed. */
import { type GraphProto, type NodeProto, TensorProto_DataType as DataType } from "onnx-buf";
import assert from "node:assert/strict";
import { Cast, cpuLowering, createGraph, Gemm, type Graph, type Lowering } from "core/onnx/mod.ts";
import { fedWeight, linear } from "core/models/values/linear.ts";
import { bf16ToF32, float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { everywhere, protoOf } from "../onnx/read.ts";
import { withFixture } from "../../model.ts";
import { byTurns, isThorough, runGraph, UNIT } from "../../support.ts";
import { graphsOf, lowerings } from "./built.ts";
import { normal } from "./drawn.ts";

/** What some have besides. */
const besides = ({ attention, rows }: Lowering): string[] => [
  ...rows === "scattered" ? ["ScatterND"] : [],
  ...attention.startsWith("grouped") ? ["GroupQueryAttention"] : [],
  ...attention === "standard" ? ["Attention"] : [],
];

/** Element types that are computed with: of a node's inputs that are floats; of what it gives. */
const FLOATS = [DataType.FLOAT, DataType.BFLOAT16];

/** The element type of a graph's input, which is a tensor. */
const typeOf = ({ type }: GraphProto["input"][number]) =>
  (type!.value.value as { elemType: DataType }).elemType;

/** Follows the types through a graph; gives those of its products. Fails where the factors of a node differ. */
function productTypes({ input, initializer, node, output }: GraphProto): Set<DataType> {
  const types = new Map<string, DataType>(initializer.map(({ name, dataType }) => [name, dataType!]));
  for (const one of input) types.set(one.name!, typeOf(one));
  const products = new Set<DataType>();
  for (const one of node) {
    const floats = one.input.map((name) => types.get(name)!).filter((type) => FLOATS.includes(type));
    assert.ok(new Set(floats).size <= 1, `${one.name}: ${floats.map((type) => DataType[type])}`);
    if (one.opType === "Gemm") products.add(floats[0]);
    const given = toOf(one) ?? floats[0] ?? types.get(one.input[0])!;
    for (const name of one.output) types.set(name, given);
  }
  for (const { name } of output) assert.equal(types.get(name!), DataType.FLOAT, `output ${name}`);
  return products;
}

function toOf({ attribute }: NodeProto): DataType | undefined {
  const to = attribute.find(({ name }) => name === "to");
  return to && Number(to.i);
}

for (const [turn, [name, lowering]] of Object.entries(lowerings).entries()) {
  Deno.test(`${name}: every graph has its operators alone, and float32 between products`, async () => {
    const allowed = everywhere.union(new Set(besides(lowering)));
    const used = new Set<string>();
    for (const [i, fixture] of fixtureNames.entries()) {
      if (!isThorough && (turn + i) % 3 > 0) continue; // a third of the lowerings of each
      await withFixture(fixture, ({ model: { spec } }) => {
        for (const stored of byTurns(["f32", "bf16"] as const, Math.floor((turn + i) / 3))) {
          for (const graph of graphsOf(spec, stored, lowering)) {
            const proto = protoOf(graph);
            for (const { opType } of proto.node) used.add(opType!);
            const head = proto.output.some(({ name }) => name === "logits");
            // What decides who runs, and how much of it counts, is a product of float32 everywhere.
            const exact = proto.input.some(({ name }) => /^mlp\.(router|shared_gate)\./.test(name!));
            const wanted = lowering.products === "bf16" && !head ? [DataType.BFLOAT16] : [DataType.FLOAT];
            if (exact) wanted.push(DataType.FLOAT);
            assert.deepEqual([...productTypes(proto).difference(new Set(wanted))], [], fixture);
          }
        }
      });
    }
    assert.deepEqual([...used.difference(allowed)], []);
    for (const operator of besides(lowering)) assert.ok(used.has(operator), operator);
  });
}

Deno.test("BF16 is fed as such, or not at all", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const fed = { native: DataType.BFLOAT16, widened: DataType.FLOAT } as const;
    for (const bfloat16 of ["native", "widened"] as const) {
      const [attention] = graphsOf(spec, "bf16", { ...cpuLowering, bfloat16 });
      const weights = protoOf(attention).input.filter(({ name }) => name!.endsWith("proj.weight"));
      assert.deepEqual(weights.map(typeOf), Array(4).fill(fed[bfloat16]));
    }
  }));

const [ROWS, INNER, WIDTH] = [5, 96, 7];

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
  const graph = build(createGraph(), { ...cpuLowering, bfloat16: "widened" });
  assert.deepEqual(bits, await run(graph, { x, "w.weight": widened }));
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
      const found = y[row * WIDTH + column];
      const error = Math.abs(found - bias.data[column] - exact);
      assert.ok(error <= tolerance + UNIT * Math.abs(found), `${error}, at most ${tolerance}`);
      off = Math.max(off, error);
    }
  }
  assert.ok(off > INNER * UNIT, `an error of ${off} is float32's`);
  const zeros = float32(x.shape, new Float32Array(ROWS * INNER));
  const alone = await run(build(withProducts(), lowering), { x: zeros, "w.weight": weight });
  assert.deepEqual(alone, Float32Array.from({ length: ROWS * WIDTH }, (_, i) => bias.data[i % WIDTH]));
});
