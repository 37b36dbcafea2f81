/** The reference engine: what is fed and what comes back, and errors that name the input. */
import assert from "node:assert/strict";
import type { Program } from "../../src/engine/mod.ts";
import { Add, Cast, createGraph, type Graph, Mul } from "../../src/onnx/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { engine } from "../support.ts";

async function withProgram(graph: Graph, use: (program: Program) => Promise<void>): Promise<void> {
  const program = await engine.compile(graph);
  await use(program);
  await program.release();
}

/** a + b, where b [2] is broadcast over a [rows, 2]; its square as a second output. */
function sum(): Graph {
  const graph = createGraph();
  const a = graph.input("a", "f32", ["rows", 2]);
  const b = graph.input("b", "f32", [2]);
  const y = Add(a, b);
  graph.output("y", y);
  graph.output("square", Mul(y, y));
  return graph;
}
const held = (tensors: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, engine.upload(tensor)]));
const f32 = (shape: number[], ...values: number[]): Tensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});

Deno.test("a graph runs for any length of a named side, and gives all its outputs", () =>
  withProgram(sum(), async (program) => {
    for (const rows of [1, 3]) {
      const a = f32([rows, 2], ...Array(rows * 2).keys());
      const { y, square } = await program.run(held({ a, b: f32([2], 10, 20), unused: a }));
      const { data, shape } = await engine.read(y);
      assert.deepEqual([...shape], [rows, 2]);
      assert.deepEqual([...data], [...a.data].map((value, i) => Number(value) + (i % 2 ? 20 : 10)));
      assert.deepEqual(
        [...(await engine.read(square)).data],
        [...data].map((value) => Number(value) ** 2),
      );
    }
  }));

Deno.test("a view of a larger buffer is fed as that view, and is not written to", () =>
  withProgram(sum(), async (program) => {
    const buffer = Float32Array.of(7, 1, 2, 7);
    const view: Tensor = { dtype: "f32", shape: [1, 2], data: buffer.subarray(1, 3) };
    const { y } = await program.run(held({ a: view, b: f32([2], 1, 1) }));
    assert.deepEqual([...(await engine.read(y)).data], [2, 3]);
    assert.deepEqual([...buffer], [7, 1, 2, 7]);
  }));

for (
  const [dtype, data, expected] of [
    ["f16", Uint16Array.of(0x3c00, 0xc000), [1, -2]],
    ["f64", Float64Array.of(0.5, -2), [0.5, -2]],
    ["i64", BigInt64Array.of(5n, -6n), [5, -6]],
    ["i32", Int32Array.of(5, -6), [5, -6]],
    ["i16", Int16Array.of(5, -6), [5, -6]],
    ["i8", Int8Array.of(5, -6), [5, -6]],
    ["u8", Uint8Array.of(5, 250), [5, 250]],
  ] as const
) {
  Deno.test(`${dtype} is fed as it is stored`, () => {
    const graph = createGraph();
    graph.output("y", Cast(graph.input("x", dtype, [2]), "f32"));
    return withProgram(graph, async (program) => {
      const { y } = await program.run(held({ x: { dtype, shape: [2], data } }));
      assert.deepEqual([...(await engine.read(y)).data], expected);
    });
  });
}

Deno.test("an input that is missing, or has another length, shape or type, is named", () =>
  withProgram(sum(), async (program) => {
    const [a, b] = [f32([1, 2], 1, 2), f32([2], 1, 2)];
    await assert.rejects(program.run(held({ a })), {
      name: "TypeError",
      message: /input b is missing, expected a tensor/,
    });
    assert.throws(() => engine.upload({ ...b, shape: [3] }), {
      name: "RangeError",
      message: "Cannot hold a tensor of f32: found 2 elements, expected [3]",
    });
    await assert.rejects(program.run(held({ a, b: f32([3], 1, 2, 3) })), /\bb\b/);
    await assert.rejects(
      program.run(held({ a: { dtype: "f64", shape: [1, 2], data: new Float64Array(2) }, b })),
      { name: "TypeError", message: "Cannot feed a: found elements of type f64, expected f32" },
    );
    await program.run(held({ a, b })); // still usable
  }));

Deno.test("a graph that makes no sense is refused when it is compiled", async () => {
  const graph = createGraph();
  graph.output("y", Add(graph.input("a", "f32", [2]), graph.input("b", "f32", [3])));
  await assert.rejects(() => engine.compile(graph));
});

Deno.test("the engine says what computes", () => {
  assert.equal(engine.name, "cpu");
  assert.match(engine.version, /^onnxruntime \d+\.\d+\.\d+$/);
});
