/** Matrices in blocks on the CPU: products in both of its precisions, every family beside the same numbers widened, and stacks of matrices with the same input. */
import assert from "node:assert/strict";
import { cpuEngine, type Engine, take, withUploaded } from "core/engine/mod.ts";
import { blockTensors, fedWeights, linear, type Model, stacked } from "core/models/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import type { KeepsBlocks } from "core/weights/mod.ts";
import { createGraph } from "core/onnx/mod.ts";
import { type BlockMatrix, float32, toFloat32 } from "core/tensor/mod.ts";
import { beyond } from "../core/models/parity.ts";
import { BLOCK_KINDS, type BlockKind, quantised, quantisedNames, specOf } from "../quantised.ts";
import { distance, engineWith, largest, stateTolerance, withFixture } from "../model.ts";
import { engine, everyNth, inPairs, isThorough, released, thorough, UNIT } from "../support.ts";
import { blockDeviations, blockTolerance, isSteady } from "./truth.ts";
import { drawing, drawnMatrix, productErrors } from "./products.ts";

/** A kind of blocks for some families, in the tests that every change must pass. */
const EVERYDAY: Readonly<Record<string, string>> = {
  gemma2: "8 bits",
  "qwen3-5-moe": "8 bits in blocks of 16",
  "gpt-oss": "4 bits with zeros of their own",
};
const kinds: [string, BlockKind][] = Object.entries(BLOCK_KINDS);

for (const [i, name] of quantisedNames.entries()) {
  const some = inPairs(kinds, i);
  for (const [label, kind] of kinds.filter((kind) => some.includes(kind) || EVERYDAY[name] === kind[0])) {
    const test = EVERYDAY[name] === label ? Deno.test : thorough;
    test(`${name} in ${label}: streams and logits are those of the widened weights`, () =>
      withFixture(name, async ({ model, blocks }) => {
        const most = blockTolerance(engine, model.spec);
        const opened = { model: quantised(model, kind), blocks, most, isSlow: !isThorough };
        assert.deepEqual(beyond(await blockDeviations(engine, engine, opened)), []);
      }));
  }
}

/** Attention by heads, and networks, in parts: rows and columns of matrices in blocks. */
for (const [name, label] of [["gpt2", "4 bits with offsets"], ["qwen3-next", "8 bits"]] as const) {
  Deno.test(`${name} in ${label}: weights beyond a binding are fed in parts`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const most = blockTolerance(engine, model.spec);
      const opened = { model: quantised(model, BLOCK_KINDS[label]), blocks, most, isSlow: !isThorough };
      const narrow = engineWith({ bindingBytes: 4 * model.spec.hidden * 20 });
      assert.deepEqual(beyond(await blockDeviations(narrow, engine, opened)), []);
    }));
}

const int8 = cpuEngine({ precision: "int8" });
for (const [i, name] of quantisedNames.filter((name) => isSteady(specOf(name))).entries()) {
  for (const [label, kind] of name === "llama" ? kinds : inPairs(kinds, i)) {
    const test = name === "llama" && label === "4 bits" ? Deno.test : thorough;
    test(`${name} in ${label}, int8: streams and logits are near those of float32`, () =>
      withFixture(name, async ({ model, blocks }) => {
        const opened = { model: quantised(model, kind), blocks, most: blockTolerance(int8, model.spec) };
        const found = await blockDeviations(int8, engine, opened);
        assert.deepEqual(beyond(found), []);
        const largest = Math.max(...found.map(({ error }) => error));
        assert.ok(largest > 16 * stateTolerance(model.spec), `an error of ${largest} is float32's`);
      }));
  }
}

const ROWS = [1, 2, 7, 33];
/** Rows of the matrix, and blocks of each. */
const SHAPES = [[1, 1], [3, 2], [17, 3], [65, 5]] as const;

for (const precision of ["float32", "int8"] as const) {
  const engine = cpuEngine({ precision });
  for (const [i, [name, kind]] of Object.entries(BLOCK_KINDS).entries()) {
    Deno.test(`${precision}: products with ${name} are those of the numbers`, async () => {
      for (const size of new Set([kind.size, ...everyNth([16, 64, 128, 256], 2, i)])) {
        for (const shape of SHAPES) {
          const errors = await productErrors(engine, drawnMatrix({ ...kind, size }, shape), ROWS);
          assert.ok(errors.every((error) => error <= 1), `blocks of ${size}, [${shape}]: ${errors}`);
        }
      }
      assert.equal(engine.live, 0);
    });
  }
}

/** The model with one wrong number in the values of its second layer, which the next product reads. */
function spoilt({ weights, ...model }: Model, bad: number): Model {
  async function layer(l: number, keeps?: KeepsBlocks) {
    const lease = await weights.layer(l, keeps);
    const name = "attention.v_proj.weight";
    if (l === 1) (lease.blocks?.get(name)?.scales ?? lease.tensors.get(name)!.data as Float32Array)[0] = bad;
    return lease;
  }
  return { ...model, weights: { ...weights, layer } };
}

for (const [label, kind] of Object.entries(BLOCK_KINDS)) {
  for (const precision of ["float32", "int8"] as const) {
    Deno.test(`${label}, ${precision}: values that are not finite end a step with an error`, () =>
      withFixture("llama", async ({ model: dense }) => {
        const engine = cpuEngine({ precision });
        for (const bad of [NaN, Infinity]) {
          for (const budget of [undefined, 0]) {
            const model = spoilt(quantised(dense, kind), bad);
            const opened = await decoder({ model, engine, budget });
            await assert.rejects(opened.prefill([Int32Array.of(1, 2, 3)]), RangeError);
            await opened.release();
          }
        }
        assert.equal(engine.live, 0);
      }));
  }
}

const COLUMNS = 128;
const Q = "attention.q_proj.weight", K = "attention.k_proj.weight", V = "attention.v_proj.weight";
const O = "attention.o_proj.weight";
const BIAS = "attention.k_proj.bias";
const ROWS_OF = new Map([[Q, 24], [K, 7], [V, 9], [O, 5]]);

function matrices(kindOf: (name: string) => BlockKind): Map<string, BlockMatrix> {
  const matrix = (kind: BlockKind, rows: number, seed: number) =>
    drawnMatrix(kind, [rows, COLUMNS / kind.size], seed);
  return new Map([...ROWS_OF].map(([name, rows], seed) => [name, matrix(kindOf(name), rows, seed)]));
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
      for (const name of ROWS_OF.keys()) {
        // The same terms in the same order: a bias is added last in one, and before the offsets in the other.
        assert.ok(distance(together[name], alone[name]) <= 4 * UNIT * largest(alone[name]), name);
      }
      assert.equal(engine.live, 0);
    });
  }
}

/** Each product of three rows, by its name. */
async function products(engine: Engine, matrices: ReadonlyMap<string, BlockMatrix>) {
  const graph = createGraph();
  const x = graph.input("x", "f32", ["rows", COLUMNS]);
  const needs = [...ROWS_OF].map(([name, rows]) => [name, [rows, COLUMNS]] as const);
  const fed = new Map([...matrices].flatMap(([name, matrix]) => blockTensors(name, matrix)));
  fed.set(BIAS, float32([ROWS_OF.get(K)!], drawing(8).floats(ROWS_OF.get(K)!)));
  const weights = fedWeights(graph, [...needs, [BIAS, [ROWS_OF.get(K)!]]], fed, engine.has);
  for (const name of ROWS_OF.keys()) graph.output(name, linear(x, name.replace(".weight", ""), weights));
  return await withUploaded(engine, Object.fromEntries(fed), async (held) => {
    await using program = released(await engine.compile(graph, held));
    const rows = { x: float32([3, COLUMNS], drawing(9).floats(3 * COLUMNS)) };
    const made = await withUploaded(engine, rows, (rows) => program.run(rows));
    const read: Record<string, Float32Array> = {};
    for (const [name, one] of Object.entries(made)) read[name] = toFloat32(await take(engine, one));
    return read;
  });
}
