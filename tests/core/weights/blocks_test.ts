/** Tensors of a file that are read in blocks: which they are, rows of them, and leases that have them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bufferSource } from "../../buffer.ts";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { type BlockMatrix, type Tensor, widened } from "core/tensor/mod.ts";
import { cutTensors, layered, type Lease, openGguf, type TensorRef } from "core/weights/mod.ts";
import { refuses } from "../../support.ts";
import { bits } from "../tensor/bits.ts";
import { gguf, tensor } from "./build.ts";

const PATH = fileURLToPath(new URL("../../fixtures/gguf/types.gguf", import.meta.url));

/** Numbers of GGML's types. */
const [Q4_0, Q8_0, Q4_K] = [2, 8, 12];

/** A file with a stack of matrices, a matrix and a vector in blocks, and a matrix of floats; read, not mapped. */
async function open() {
  const entries = [
    { name: "experts", shape: [512, 6, 3], type: Q4_K, bytes: 3 * 6 * 2 * 144 },
    { name: "matrix", shape: [128, 4], type: Q8_0, bytes: 4 * 4 * 34 },
    { name: "vector", shape: [64], type: Q4_0, bytes: 2 * 18 },
    { name: "floats", shape: [64, 2], type: 0, bytes: 4 * 128 },
  ];
  let end = 0;
  const tensors = entries.map(({ name, shape, type, bytes }) => {
    const offset = end;
    end += Math.ceil(bytes / 32) * 32;
    return tensor({ name, shape, type, offset });
  });
  const file = gguf({ tensors, data: end });
  for (let i = 0; i < end; i++) file[file.length - end + i] = i * 167 + (i >> 8) * 59 & 0x3f; // no float16 above 2
  return closed(await openGguf(bufferSource("m.gguf", file)));
}

function assertSame(matrix: BlockMatrix | undefined, { shape, data }: Tensor): void {
  assert.ok(matrix);
  assert.deepEqual(matrix.shape, shape);
  assert.deepEqual(bits(widened(matrix).data as Float32Array), bits(data as Float32Array));
}

Deno.test("a tensor's description says its blocks; vectors and floats have none", async () => {
  using file = await open();
  const formats = [...file.tensors].map(([name, { blocks }]) => [name, blocks]);
  assert.deepEqual(Object.fromEntries(formats), {
    experts: { bits: 4, size: 32, zero: 0, hasOffsets: true },
    matrix: { bits: 8, size: 32, zero: 128, hasOffsets: false },
    vector: undefined,
    floats: undefined,
  });
  await refuses("TypeError: Cannot read ", file.blocks, [
    ["vector", '"vector" in m.gguf in blocks: found Q4_0 [64], expected a matrix in blocks'],
    ["floats", '"floats" in m.gguf in blocks: found F32 [2,64], expected a matrix in blocks'],
  ]);
});

Deno.test("rows of a matrix, and no others", async () => {
  using file = await open();
  for (const rows of [[0, 4], [1, 3], [3, 4], [2, 2]] as const) {
    assertSame(await file.blocks!("matrix", rows), await file.read("matrix", rows));
  }
  const outside = [[0, 5], [-1, 2], [2, 1], [0.5, 1], [NaN, 1]] as const;
  await refuses(
    "Cannot read rows ",
    (rows: typeof outside[number]) => file.blocks("matrix", rows),
    outside.map((
      rows,
    ) => [rows, `[${rows.join(", ")}) of "matrix" in m.gguf: expected a range within [0, 4]`]),
  );
  await assert.rejects(file.blocks("none"), RangeError);
  file.close();
  await assert.rejects(
    file.blocks("matrix"),
    /Cannot read "matrix": m\.gguf is closed, expected an open file/,
  );
});

Deno.test("a stack is its matrices one after the other; one of them is a row of the stack", async () => {
  using file = await open();
  const { data } = await file.read("experts");
  assertSame(await file.blocks!("experts"), { dtype: "f32", shape: [18, 512], data });
  for (const e of [0, 1, 2]) {
    const own = await file.read("experts", [e, e + 1]);
    assertSame(await file.blocks!("experts", [e, e + 1]), { ...own, shape: [6, 512] });
  }
  await assert.rejects(file.blocks!("experts", [3, 4]), RangeError);
});

Deno.test("arrays for blocks may be the caller's", async () => {
  using file = await open();
  const lent: Float32Array[] = [];
  const matrix = await file.blocks("experts", [0, 1], (length) => {
    lent.push(new Float32Array(length).fill(NaN));
    return lent.at(-1)! as Float32Array<ArrayBuffer>;
  });
  assertSame(matrix, { ...await file.read("experts", [0, 1]), shape: [6, 512] });
  assert.deepEqual(lent.map(({ length }) => length), [6 * 512 / 8, 6 * 512 / 32, 6 * 512 / 32]);
  assert.equal(matrix.quants.buffer, lent[0].buffer);
});

/** A layer of the file's tensors, by the names of what is special about them. */
const REFS: Readonly<Record<string, TensorRef>> = {
  whole: { name: "matrix" },
  rows: { name: "matrix", rows: { start: 1, end: 4, of: 4 } },
  turned: { name: "matrix", order: (rows) => Array.from({ length: rows }, (_, i) => rows - 1 - i) },
  expert: { name: "experts", at: 1 },
  half: { name: "experts", at: 2, rows: { start: 3, end: 6, of: 6 } },
  copied: { name: "matrix", transform: (tensor) => tensor },
  vector: { name: "vector" },
  floats: { name: "floats" },
};

async function source() {
  const file = await open();
  return closed(layered({ file, layers: 2, layer: () => Object.entries(REFS), outer: { head: REFS.whole } }));
}

/** Both leases have the same numbers, and the first one those in blocks. */
function assertLease(found: Lease, expected: Lease, inBlocks: readonly string[]): void {
  assert.deepEqual([...found.blocks!.keys()], inBlocks);
  const names = [...found.blocks!.keys(), ...found.tensors.keys()];
  assert.deepEqual(names.sort(), [...expected.tensors.keys()].sort());
  for (const [name, matrix] of found.blocks!) assertSame(matrix, expected.tensors.get(name)!);
  for (const [name, tensor] of found.tensors) assert.deepEqual(tensor, expected.tensors.get(name));
}

Deno.test("a lease has those in blocks that are wanted so; transformed and other tensors stay numbers", async () => {
  using weights = await source();
  const plain = await weights.layer(0);
  assert.equal(plain.blocks!.size, 0);
  assertLease(await weights.layer(0, () => true), plain, ["whole", "rows", "turned", "expert", "half"]);
  assertLease(await weights.layer(0, ({ bits }) => bits === 4), plain, ["expert", "half"]);
  assertSame((await weights.outerBlocks!("head", () => true))!, plain.tensors.get("whole")!);
  assert.equal(await weights.outerBlocks!("head", () => false), null);
  assert.equal(await weights.outerBlocks!("none", () => true), null);
});

Deno.test("parts are cut in blocks, but for cuts that part a block", async () => {
  using weights = await source();
  const names = ["whole", "rows", "turned", "expert", "half", "copied"];
  const cases = [
    { axis: 0, start: 1, end: 3 },
    { axis: 1, start: 32, end: 96 },
    { axis: 1, start: 16, end: 96 },
  ] as const;
  for (const cut of cases) {
    const cuts = new Map(names.map((name) => [name, cut]));
    const isWhole = cut.start !== 16;
    const [found, plain] = [await weights.part(0, cuts, () => true), await weights.part(0, cuts)];
    assertLease(found, plain, isWhole ? names.slice(0, -1) : []);
  }
});

Deno.test("released blocks serve the next layer, and only then", async () => {
  const file = await openGguf(await fileSource(PATH));
  const layer = (l: number) => [["matrix", { name: `Q5_${l}.bits` }]] as const;
  using weights = closed(layered({ file, layers: 2, layer, outer: {} }));
  const keeps = () => true;
  const memory = (lease: Lease) => lease.blocks!.get("matrix")!.quants.buffer;
  const [first, second] = [await weights.layer(0, keeps), await weights.layer(1, keeps)];
  assert.notEqual(memory(first), memory(second));
  first.release();
  const third = await weights.layer(1, keeps);
  assert.equal(memory(third), memory(first));
  assertSame(third.blocks!.get("matrix"), await file.read("Q5_1.bits"));
});

const data = Uint16Array.from({ length: 12 }, (_, i) => 0x3c00 + i);
const matrix: Tensor = { dtype: "bf16", shape: [3, 4], data };
const vector: Tensor = { dtype: "f32", shape: [4], data: Float32Array.of(1, 2, 3, 4) };
const tensors = new Map([["w", matrix], ["b", vector]]);

Deno.test("rows are a view, columns a copy, and null is the tensor itself", () => {
  const rows = cutTensors(tensors, new Map([["w", { axis: 0, start: 1, end: 3 }]])).get("w")!;
  assert.deepEqual(rows, { dtype: "bf16", shape: [2, 4], data: data.slice(4) });
  assert.equal(rows.data.buffer, data.buffer);
  const columns = cutTensors(tensors, new Map([["w", { axis: 1, start: 1, end: 3 }]])).get("w")!;
  const expected = Uint16Array.from([1, 2, 5, 6, 9, 10], (i) => data[i]);
  assert.deepEqual(columns, { dtype: "bf16", shape: [3, 2], data: expected });
  const both = cutTensors(tensors, new Map([["b", { axis: 0, start: 2, end: 4 } as const], ["w", null]]));
  assert.deepEqual(both.get("b"), { dtype: "f32", shape: [2], data: Float32Array.of(3, 4) });
  assert.equal(both.get("w"), matrix);
});

Deno.test("a tensor that is not there cannot be cut", () => {
  const cut = () => cutTensors(tensors, new Map([["v", null]]));
  assert.throws(cut, /^RangeError: Cannot cut v: found w, b, expected this tensor among them$/);
});
