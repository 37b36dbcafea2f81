/** What every engine does: what is fed and what comes back, who frees what, and errors that name the input. */
import assert from "node:assert/strict";
import type { Engine, Program } from "../../src/engine/mod.ts";
import { Add, createGraph, type Graph, Mul } from "../../src/onnx/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";

export async function withProgram(
  engine: Engine,
  graph: Graph,
  use: (program: Program) => Promise<void>,
): Promise<void> {
  const program = await engine.compile(graph);
  await use(program);
  await program.release();
}

/** a + b, where b [2] is broadcast over a [rows, 2]; its square as a second output. */
export function sum(): Graph {
  const graph = createGraph();
  const a = graph.input("a", "f32", ["rows", 2]);
  const b = graph.input("b", "f32", [2]);
  const y = Add(a, b);
  graph.output("y", y);
  graph.output("square", Mul(y, y));
  return graph;
}

/** Tensors in an engine's memory. */
export const held = (engine: Engine, tensors: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, engine.upload(tensor)]));
export const f32 = (shape: number[], ...values: number[]): Tensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});

/** Registers the tests of one engine, and of another one of its kind. */
export function testEngine(engine: Engine, open: () => Engine | Promise<Engine>): void {
  const { name } = engine;
  Deno.test(`${name}: a graph runs for any length of a named side, and gives all its outputs`, () =>
    withProgram(engine, sum(), async (program) => {
      for (const rows of [1, 3]) {
        const a = f32([rows, 2], ...Array(rows * 2).keys());
        const { y, square } = await program.run(held(engine, { a, b: f32([2], 10, 20), unused: a }));
        const { data, shape } = await engine.read(y);
        assert.deepEqual([...shape], [rows, 2]);
        assert.deepEqual([...data], [...a.data].map((value, i) => Number(value) + (i % 2 ? 20 : 10)));
        assert.deepEqual([...(await engine.read(square)).data], [...data].map((value) => Number(value) ** 2));
      }
    }));

  Deno.test(`${name}: a view of a larger buffer is fed as that view, and is not written to`, () =>
    withProgram(engine, sum(), async (program) => {
      const buffer = Float32Array.of(7, 1, 2, 7);
      const view: Tensor = { dtype: "f32", shape: [1, 2], data: buffer.subarray(1, 3) };
      const { y } = await program.run(held(engine, { a: view, b: f32([2], 1, 1) }));
      assert.deepEqual([...(await engine.read(y)).data], [2, 3]);
      assert.deepEqual([...buffer], [7, 1, 2, 7]);
    }));

  Deno.test(`${name}: an input that is missing, or has another length, shape or type, is named`, () =>
    withProgram(engine, sum(), async (program) => {
      const [a, b] = [f32([1, 2], 1, 2), f32([2], 1, 2)];
      await assert.rejects(program.run(held(engine, { a })), {
        name: "TypeError",
        message: /input b is missing, expected a tensor/,
      });
      assert.throws(() => engine.upload({ ...b, shape: [3] }), {
        name: "RangeError",
        message: "Cannot hold a tensor of f32: found 2 elements, expected [3]",
      });
      await assert.rejects(program.run(held(engine, { a, b: f32([3], 1, 2, 3) })), /\bb\b/);
      await assert.rejects(
        program.run(held(engine, { a: { dtype: "f64", shape: [1, 2], data: new Float64Array(2) }, b })),
        { name: "TypeError", message: "Cannot feed a: found elements of type f64, expected f32" },
      );
      await program.run(held(engine, { a, b })); // still usable
    }));

  Deno.test(`${name}: a graph that makes no sense is refused when it is compiled`, async () => {
    const graph = createGraph();
    graph.output("y", Add(graph.input("a", "f32", [2]), graph.input("b", "f32", [3])));
    await assert.rejects(() => engine.compile(graph));
  });

  Deno.test(`${name}: several runs of one program at once do not disturb each other`, () =>
    withProgram(engine, sum(), async (program) => {
      const b = engine.upload(f32([2], 10, 20));
      const runs = Array.from({ length: 8 }, async (_, i) => {
        const { y } = await program.run({ a: engine.upload(f32([1, 2], i, i)), b });
        return [...(await engine.read(y)).data];
      });
      assert.deepEqual(await Promise.all(runs), Array.from({ length: 8 }, (_, i) => [10 + i, 20 + i]));
    }));

  Deno.test(`${name}: an output goes into memory that is held, even that of an input`, () =>
    withProgram(engine, sum(), async (program) => {
      const { a, b } = held(engine, { a: f32([1, 2], 1, 2), b: f32([2], 10, 20) });
      for (const expected of [[11, 22], [21, 42]]) {
        const { square, ...others } = await program.run({ a, b }, { into: { y: a } });
        assert.deepEqual(Object.keys(others), []);
        assert.deepEqual([...(await engine.read(a)).data], expected);
        assert.deepEqual([...(await engine.read(square)).data], expected.map((value) => value ** 2));
      }
    }));

  Deno.test(`${name}: what is freed is no longer counted, is refused by name, and may be freed again`, () =>
    withProgram(engine, sum(), async (program) => {
      const before = engine.live;
      const { a, b } = held(engine, { a: f32([1, 2], 1, 2), b: f32([2], 10, 20) });
      const outputs = await program.run({ a, b });
      assert.equal(engine.live, before + 4);
      b.free();
      b.free();
      await assert.rejects(program.run({ a, b }), { name: "TypeError", message: /^Cannot use b: .*freed/ });
      const other = await open();
      await assert.rejects(program.run({ a, b: other.upload(f32([2], 1, 2)) }), { name: "TypeError" });
      await assert.rejects(other.read(a), { name: "TypeError" });
      for (const one of [a, ...Object.values(outputs)]) one.free();
      assert.equal(engine.live, before);
      await other.close();
    }));

  Deno.test(`${name}: equal graphs are one program, which stays usable for one user when another releases it`, async () => {
    const [first, second] = [await engine.compile(sum()), await engine.compile(sum())];
    await first.release();
    await first.release(); // counts once
    const { y } = await second.run(held(engine, { a: f32([1, 2], 1, 2), b: f32([2], 0, 0) }));
    assert.deepEqual([...(await engine.read(y)).data], [1, 2]);
    await second.release();
  });

  Deno.test(`${name}: a graph with weights of its own, and one whose output is empty`, async () => {
    const graph = createGraph();
    const rows = graph.input("rows", "f32", ["n", 2]);
    graph.output("y", Mul(rows, graph.input("w", "f32", [2])));
    const constants = held(engine, { w: f32([2], 3, 4) });
    const ints = held(engine, { w: { dtype: "i32", shape: [2], data: new Int32Array(2) } });
    if (engine.has.constants === "copied") {
      await assert.rejects(
        async () => await engine.compile(graph, ints),
        /Cannot feed w: found elements of type i32, expected f32/,
      );
    }
    const program = await engine.compile(graph, constants);
    if (engine.has.constants === "copied") constants.w.free();
    try {
      const { y } = await program.run(held(engine, { rows: f32([1, 2], 1, 1) }));
      assert.deepEqual([...(await engine.read(y)).data], [3, 4]);
      const empty = (await program.run(held(engine, { rows: f32([0, 2]) }))).y;
      assert.deepEqual([[...empty.shape], (await engine.read(empty)).data.length], [[0, 2], 0]);
    } finally {
      await program.release();
    }
  });
}
