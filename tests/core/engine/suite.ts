/** What every engine does: what is fed and what comes back, who frees what, and errors that name the input. */
import assert from "node:assert/strict";
import type { Engine, Held, Program } from "core/engine/mod.ts";
import { Add, Cast, createGraph, type Graph, Mul } from "core/onnx/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";

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

/** x as float32. */
export function cast(dtype: Tensor["dtype"], length: number): Graph {
  const graph = createGraph();
  graph.output("y", Cast(graph.input("x", dtype, [length]), "f32"));
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

/** What `sum` takes, in an engine's memory. */
export const addends = (engine: Engine, a = [1, 2], b = [10, 20]) => ({
  a: engine.upload(f32([a.length / 2, 2], ...a)),
  b: engine.upload(f32([2], ...b)),
});
export const numbers = async (engine: Engine, held: Held): Promise<number[]> =>
  [...(await engine.read(held)).data].map(Number);

/** Registers the tests of one engine, and of another one of its kind. */
export function testEngine(engine: Engine, open: () => Engine | Promise<Engine>): void {
  const { name } = engine;
  Deno.test(`${name}: a graph runs for any length of a named side, and gives all its outputs`, () =>
    withProgram(engine, sum(), async (program) => {
      for (const rows of [1, 3]) {
        const a = f32([rows, 2], ...Array(rows * 2).keys());
        const { y, square } = await program.run(held(engine, { a, b: f32([2], 10, 20), unused: a }));
        const found = await numbers(engine, y);
        assert.deepEqual([...y.shape], [rows, 2]);
        assert.deepEqual(found, [...a.data].map((value, i) => Number(value) + (i % 2 ? 20 : 10)));
        assert.deepEqual(await numbers(engine, square), found.map((value) => value ** 2));
      }
    }));

  Deno.test(`${name}: a view of a larger buffer is fed as that view, and is not written to`, () =>
    withProgram(engine, sum(), async (program) => {
      const buffer = Float32Array.of(7, 1, 2, 7);
      const view: Tensor = { dtype: "f32", shape: [1, 2], data: buffer.subarray(1, 3) };
      const { y } = await program.run(held(engine, { a: view, b: f32([2], 1, 1) }));
      assert.deepEqual(await numbers(engine, y), [2, 3]);
      assert.deepEqual([...buffer], [7, 1, 2, 7]);
    }));

  Deno.test(`${name}: an input that is missing, or has another length, shape or type, is named`, () =>
    withProgram(engine, sum(), async (program) => {
      const [a, b] = [f32([1, 2], 1, 2), f32([2], 1, 2)];
      const double: Tensor = { dtype: "f64", shape: [1, 2], data: new Float64Array(2) };
      const refused: [Record<string, Tensor>, RegExp][] = [
        [{ a }, /^TypeError: .*input b is missing, expected a tensor/],
        [
          { a, b: { ...b, shape: [3] } },
          /^RangeError: Cannot hold a tensor of f32: found 2 elements, expected \[3\]$/,
        ],
        [{ a, b: f32([3], 1, 2, 3) }, /\bb\b/],
        [{ a: double, b }, /^TypeError: Cannot feed a: found elements of type f64, expected f32$/],
      ];
      for (const [feeds, error] of refused) {
        await assert.rejects(async () => await program.run(held(engine, feeds)), error);
      }
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
        return await numbers(engine, y);
      });
      assert.deepEqual(await Promise.all(runs), Array.from({ length: 8 }, (_, i) => [10 + i, 20 + i]));
    }));

  Deno.test(`${name}: an output goes into memory that is held, even that of an input`, () =>
    withProgram(engine, sum(), async (program) => {
      const { a, b } = addends(engine);
      for (const expected of [[11, 22], [21, 42]]) {
        const { square, ...others } = await program.run({ a, b }, { into: { y: a } });
        assert.deepEqual(Object.keys(others), []);
        assert.deepEqual(await numbers(engine, a), expected);
        assert.deepEqual(await numbers(engine, square), expected.map((value) => value ** 2));
      }
    }));

  Deno.test(`${name}: what is freed is no longer counted, is refused by name, and may be freed again`, () =>
    withProgram(engine, sum(), async (program) => {
      const before = engine.live;
      const { a, b } = addends(engine);
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
    const { y } = await second.run(addends(engine, [1, 2], [0, 0]));
    assert.deepEqual(await numbers(engine, y), [1, 2]);
    await second.release();
  });

  Deno.test(`${name}: a graph with weights of its own, and one whose output is empty`, async () => {
    const graph = createGraph();
    const rows = graph.input("rows", "f32", ["n", 2]);
    graph.output("y", Mul(rows, graph.input("w", "f32", [2])));
    const constants = held(engine, { w: f32([2], 3, 4) });
    const ints = held(engine, { w: { dtype: "i32", shape: [2], data: new Int32Array(2) } });
    if (engine.has.constants === "copied") {
      const error = /Cannot feed w: found elements of type i32, expected f32/;
      await assert.rejects(async () => await engine.compile(graph, ints), error);
    }
    const program = await engine.compile(graph, constants);
    if (engine.has.constants === "copied") constants.w.free();
    try {
      const { y } = await program.run(held(engine, { rows: f32([1, 2], 1, 1) }));
      assert.deepEqual(await numbers(engine, y), [3, 4]);
      const empty = (await program.run(held(engine, { rows: f32([0, 2]) }))).y;
      assert.deepEqual([[...empty.shape], await numbers(engine, empty)], [[0, 2], []]);
    } finally {
      await program.release();
    }
  });
}
