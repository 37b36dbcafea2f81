/** Matrices with the same input are fed as one, and each product is what it would be alone. */
import assert from "node:assert/strict";
import { cpuEngine, type Engine } from "../../src/engine/mod.ts";
import { blockTensors, stacked } from "../../src/models/mod.ts";
import { fedWeights, linear } from "../../src/models/values/linear.ts";
import { createGraph } from "../../src/onnx/mod.ts";
import { take, withUploaded } from "../../src/run/mod.ts";
import { type BlockMatrix, float32 } from "../../src/tensor/mod.ts";
import { BLOCK_KINDS, type BlockKind } from "../quantised.ts";
import { distance, largest, UNIT } from "../support.ts";
import { drawing, drawnMatrix } from "./products.ts";

const COLUMNS = 128;
/** Rows of each. */
const Q = "attention.q_proj.weight", K = "attention.k_proj.weight", V = "attention.v_proj.weight";
const O = "attention.o_proj.weight";
const BIAS = "attention.k_proj.bias";
const ROWS = new Map([[Q, 24], [K, 7], [V, 9], [O, 5]]);

function matrices(kindOf: (name: string) => BlockKind): Map<string, BlockMatrix> {
  return new Map(
    [...ROWS].map(([name, rows], seed) => {
      const kind = kindOf(name);
      return [name, drawnMatrix(kind, [rows, COLUMNS / kind.size], seed)];
    }),
  );
}

const alike = matrices(() => BLOCK_KINDS["4 bits with offsets"]);

Deno.test("matrices with the same input and format are one stack, others are by themselves", () => {
  assert.deepEqual([...stacked(alike, Infinity).keys()], [`${Q} + ${K} + ${V}`, O]);
  const mixed = matrices((name) => BLOCK_KINDS[name === V ? "8 bits" : "4 bits"]);
  assert.deepEqual([...stacked(mixed, Infinity).keys()], [`${Q} + ${K}`, V, O]);
  const other = matrices((name) => BLOCK_KINDS[name === K ? "4 bits with zeros of their own" : "4 bits"]);
  assert.deepEqual([...stacked(other, Infinity).keys()], [`${Q} + ${V}`, K, O]);
  const zeros = new Map([[Q, alike.get(Q)!], [K, { ...alike.get(K)!, zeros: 0 }]]);
  assert.deepEqual([...stacked(zeros, Infinity).keys()], [Q, K]);
});

Deno.test("a stack that is too large for its engine is not made", () => {
  const bytes = (24 + 7 + 9) * COLUMNS / 2;
  assert.equal(stacked(alike, bytes).size, 2);
  assert.equal(stacked(alike, bytes - 1).size, 4);
});

for (const [name, kind] of Object.entries(BLOCK_KINDS)) {
  for (const precision of ["float32", "int8"] as const) {
    Deno.test(`${precision}: products with a stack of ${name} are those of its matrices`, async () => {
      const engine = cpuEngine({ precision });
      const own = matrices(() => kind);
      const alone = await products(engine, own);
      const together = await products(engine, stacked(own, Infinity));
      for (const name of ROWS.keys()) {
        // The same terms in the same order: a bias is added last in one, and before the offsets in the other.
        assert.ok(distance(together[name], alone[name]) <= 4 * UNIT * largest(alone[name]), name);
      }
      assert.equal(engine.live, 0);
    });
  }
}

/** Each product of three rows, by its name. */
async function products(
  engine: Engine,
  matrices: ReadonlyMap<string, BlockMatrix>,
): Promise<Record<string, Float32Array>> {
  const graph = createGraph();
  const x = graph.input("x", "f32", ["rows", COLUMNS]);
  const needs = [...ROWS].map(([name, rows]) => [name, [rows, COLUMNS]] as const);
  const fed = new Map(
    [...matrices].flatMap(([name, matrix]) => blockTensors(name, matrix)),
  );
  fed.set(BIAS, float32([ROWS.get(K)!], drawing(8).floats(ROWS.get(K)!)));
  const weights = fedWeights(graph, [...needs, [BIAS, [ROWS.get(K)!]]], fed, engine.has);
  for (const name of ROWS.keys()) graph.output(name, linear(x, name.replace(".weight", ""), weights));
  return await withUploaded(engine, Object.fromEntries(fed), async (held) => {
    const program = await engine.compile(graph, held);
    const rows = { x: float32([3, COLUMNS], drawing(9).floats(3 * COLUMNS)) };
    const made = await withUploaded(engine, rows, (rows) => program.run(rows));
    await program.release();
    const read: Record<string, Float32Array> = {};
    for (const [name, one] of Object.entries(made)) {
      read[name] = (await take(engine, one)).data as Float32Array;
    }
    return read;
  });
}
