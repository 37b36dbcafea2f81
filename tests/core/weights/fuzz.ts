/**
 * Random files: a reader answers with an error that names the file, or with tensors that all read.
 *
 * A program, not a test: `fuzz_test.ts` runs the properties that its arguments name in a process of its own, so that a crash of that
 * process is a failed test; it prints each that holds. Each file is read twice, as a buffer and mapped from disk, and both must have the
 * same answer. Bytes asked of the buffer are counted: opening never asks for more than the file has.
 */
import { isThorough } from "../../tools.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { bufferSource } from "../../buffer.ts";
import { type ByteSource, fileSource } from "core/hub/mod.ts";
import { loadGguf } from "core/models/mod.ts";
import { elements, widened } from "core/tensor/mod.ts";
import { ggmlTypes, type GgufFile, openGguf, openSafetensors, type TensorFile } from "core/weights/mod.ts";
import { gguf, join, pair, safetensors, tensor, text, uint } from "./build.ts";

/** 10,000 runs of all properties together in `deno task test:all`. */
const numRuns = isThorough ? 1700 : 250;

const NAME = "hostile";

type Open = (source: ByteSource) => Promise<TensorFile>;

const openers: Record<string, Open> = {
  safetensors: (source) =>
    openSafetensors({
      name: "folder",
      list: () => ["model.safetensors"],
      open: () => Promise.resolve(source),
    }),
  gguf: openGguf,
  /** A GGUF file whose metadata is a model's configuration too. */
  model: async (source) => {
    const file = await openGguf(source);
    const opened: GgufFile = { ...file, close() {} }; // by whoever reads its tensors
    (await loadGguf(opened, NAME)).weights.close();
    return file;
  },
};

/** The sum of each tensor's values, or the error. */
async function answer(open: Open, source: ByteSource): Promise<[string, number][] | Error> {
  let file: TensorFile;
  try {
    file = await open(source);
  } catch (error) {
    return error as Error;
  }
  const sums: [string, number][] = [];
  for (const [name, { dtype, shape, bytes, blocks }] of file.tensors) {
    assert(bytes <= source.size);
    if (dtype === null) {
      await assert.rejects(file.read(name), { name: "TypeError" });
      continue;
    }
    const { data } = await file.read(name);
    assert.equal(data.length, elements(shape));
    if (blocks) assert.deepEqual(widened(await file.blocks!(name)).data, data);
    let sum = 0;
    for (const value of data) sum += Number(value);
    sums.push([name, sum]);
  }
  file.close();
  return sums;
}

/** Whether the file was accepted. */
async function survives(open: Open, bytes: Uint8Array, path: string): Promise<boolean> {
  const buffer = bufferSource(NAME, bytes);
  let asked = 0;
  const fromBuffer = await answer((source) => open(source).finally(() => assert(asked <= bytes.length)), {
    ...buffer,
    read(start, end) {
      asked += end - start;
      return buffer.read(start, end);
    },
  });
  await Deno.writeFile(path, bytes);
  const fromDisk = await answer(open, { ...await fileSource(path), name: NAME });
  await Deno.remove(path); // its name only: what is mapped stays
  assert.deepEqual(fromDisk, fromBuffer);
  if (!(fromDisk instanceof Error)) return true;
  const named = /^Cannot .*hostile/s.test(fromDisk.message);
  const kind = [SyntaxError, RangeError, TypeError].some((kind) => fromDisk.constructor === kind);
  if (!named || !kind) throw fromDisk;
  return false;
}

const names = fc.oneof(fc.constantFrom("a", "b", "__metadata__", "__proto__"), fc.string());
const counts = fc.oneof(fc.nat({ max: 8 }), fc.maxSafeNat(), fc.integer(), fc.double());
const sides = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });

/** Headers that are right, with perhaps one attribute of one tensor replaced by something else. */
const headers = fc.tuple(
  fc.dictionary(names, fc.tuple(fc.constantFrom("U8", "BOOL", "I8", "F8_E4M3"), sides), {
    minKeys: 1,
    maxKeys: 3,
  }),
  fc.option(
    fc.record({
      key: fc.constantFrom("dtype", "shape", "data_offsets", "more"),
      value: fc.oneof(counts, fc.array(counts, { maxLength: 5 }), fc.tuple(counts, counts), fc.jsonValue()),
    }),
    { freq: 1 },
  ),
).map(([tensors, spoiled]) => {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, [dtype, shape]]) => {
    const start = end;
    end += elements(shape);
    return [name, { dtype, shape, data_offsets: [start, end] }] as [string, Record<string, unknown>];
  });
  if (spoiled) entries[0][1][spoiled.key] = spoiled.value;
  return safetensors(Object.fromEntries(entries), end);
});

/** Bytes of a right file with some of them changed, and perhaps an end cut off. */
function mutants(right: Uint8Array, span: number) {
  const value = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 255));
  const changes = fc.array(fc.tuple(fc.nat({ max: span - 1 }), value), { maxLength: 4 });
  return fc.tuple(changes, fc.option(fc.nat({ max: right.length }), { freq: 1 })).map(([changes, end]) => {
    const bytes = right.slice(0, end ?? right.length);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
}

function mutatedSafetensors(): fc.Arbitrary<Uint8Array> {
  const right = safetensors({
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: "I64", shape: [], data_offsets: [24, 32] },
    __metadata__: { format: "pt" },
  }, 32);
  return mutants(right, right.length - 32);
}

function randomGguf(): fc.Arbitrary<Uint8Array> {
  const number = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const random = fc.tuple(names, fc.nat({ max: 14 }), fc.uint8Array({ maxLength: 40 }));
  const whole = fc.tuple(names, fc.constantFrom(0, 1), fc.uint8Array({ minLength: 1, maxLength: 1 }));
  const any = fc.oneof({ weight: 4, arbitrary: whole }, random);
  const metadata = fc.array(any.map(([key, type, value]) => pair(key, type, value)), { maxLength: 2 });
  const wild = fc.record({
    name: names,
    shape: fc.array(fc.oneof(fc.constantFrom(1, 32, 256), number), { maxLength: 5 }),
    type: fc.constantFrom(0, 1, 2, 3, 4, 6, 7, 8, 12, 13, 14, 30, 99),
    offset: fc.oneof(fc.constantFrom(0, 32, 64), number),
  });
  const tame = fc.record({
    name: names,
    shape: fc.constantFrom([256], [256, 2], [256, 1, 2]),
    type: fc.constantFrom(0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30),
    offset: fc.constantFrom(0, 2048, 4096),
  });
  const some = <One>(one: fc.Arbitrary<One>) => fc.array(one, { minLength: 1, maxLength: 3 });
  const anywhere = fc.record({
    tensors: some(fc.oneof({ weight: 4, arbitrary: tame }, wild).map(tensor)),
    data: fc.nat({ max: 8192 }),
  });
  const files = fc.tuple(metadata, fc.oneof(some(tame).map(inOrder), anywhere));
  return files.map(([metadata, rest]) => gguf({ metadata, ...rest }));
}

/** Tensors one behind the other, and the bytes of their data. */
function inOrder(tensors: readonly { name: string; shape: readonly number[]; type: number }[]) {
  let data = 0;
  const entries = tensors.map((one) => {
    const offset = data;
    const { blockElements, blockBytes } = ggmlTypes.get(one.type)!;
    data += Math.ceil(elements(one.shape) / blockElements * blockBytes / 32) * 32;
    return tensor({ ...one, offset });
  });
  return { tensors: entries, data };
}

function mutatedGguf(): fc.Arbitrary<Uint8Array> {
  const list = join(uint(32, 8), uint(64, 2), text("one"), text(""));
  const right = gguf({
    metadata: [
      pair("general.alignment", 4, uint(32, 32)),
      pair("list", 9, list),
      pair("flag", 7, uint(8, 1)),
    ],
    tensors: [tensor({ name: "a", shape: [32, 2], type: 8 }), tensor({ name: "b", shape: [4], offset: 96 })],
    data: 112,
  });
  return mutants(right, right.length - 112);
}

/** Numbers at which something changes: bounds of types, of float64, of pages. */
const edges = fc.tuple(fc.nat({ max: 64 }), fc.constantFrom(-1n, 0n, 1n)).map(([power, step]) =>
  BigInt.asUintN(64, 2n ** BigInt(power) + step)
);

/** Bytes of numbers by the type's number. */
const widths = new Map<number, 8 | 16 | 32 | 64>(
  [[0, 8], [1, 8], [2, 16], [3, 16], [4, 32], [5, 32], [6, 32], [7, 8], [10, 64], [11, 64], [12, 64]],
);

/** A value of any type, in its own bytes: an extreme number, a text, a list of a few. */
const values: fc.Arbitrary<[type: number, value: Uint8Array]> = fc.oneof(
  fc.tuple(fc.constantFrom(...widths.keys()), edges).map(([type, edge]): [number, Uint8Array] => {
    return [type, uint(widths.get(type)!, BigInt.asUintN(widths.get(type)!, edge))];
  }),
  fc.string().map((value): [number, Uint8Array] => [8, text(value)]),
  fc.tuple(fc.constantFrom(4, 8, 10), fc.oneof(fc.constantFrom(0n, 1n), edges))
    .map((
      [type, count],
    ): [number, Uint8Array] => [9, join(uint(32, type), uint(64, count), new Uint8Array(8))]),
);

const float = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
const u32 = (value: number): [type: number, value: Uint8Array] => [4, uint(32, value)];

/** Metadata of the smallest model. */
const small = new Map<string, [type: number, value: Uint8Array]>([
  ["general.architecture", [8, text("llama")]],
  ["general.alignment", u32(32)],
  ["general.file_type", u32(0)],
  ["llama.embedding_length", u32(32)],
  ["llama.block_count", u32(1)],
  ["llama.attention.head_count", u32(2)],
  ["llama.attention.head_count_kv", u32(1)],
  ["llama.attention.key_length", u32(2)],
  ["llama.feed_forward_length", u32(4)],
  ["llama.context_length", u32(8)],
  ["llama.attention.layer_norm_rms_epsilon", [6, float(1e-5)]],
  ["llama.rope.freq_base", [6, float(1e4)]],
  ["llama.rope.scaling.type", [8, text("none")]],
  ["llama.rope.scaling.factor", [6, float(2)]],
]);

/** Its tensors, innermost axis first. */
const shapes: [name: string, shape: number[]][] = [
  ["token_embd.weight", [32, 8]],
  ["output_norm.weight", [32]],
  ...["attn_norm", "ffn_norm"].map((name): [string, number[]] => [`blk.0.${name}.weight`, [32]]),
  ...["attn_q", "ffn_gate", "ffn_up"].map((name): [string, number[]] => [`blk.0.${name}.weight`, [32, 4]]),
  ...["attn_output", "ffn_down"].map((name): [string, number[]] => [`blk.0.${name}.weight`, [4, 32]]),
  ...["attn_k", "attn_v"].map((name): [string, number[]] => [`blk.0.${name}.weight`, [32, 2]]),
];

function smallModel(metadata: Iterable<[string, [type: number, value: Uint8Array]]>): Uint8Array {
  const pairs = Array.from(metadata, ([key, [type, value]]) => pair(key, type, value));
  return gguf({ metadata: pairs, ...inOrder(shapes.map(([name, shape]) => ({ name, shape, type: 0 }))) });
}

/** Random files of each format; both answers must be seen. */
const properties: Record<string, [open: keyof typeof openers, files: fc.Arbitrary<Uint8Array>]> = {
  "safetensors with a wrong attribute": ["safetensors", headers],
  "safetensors with random bytes in a right header": ["safetensors", mutatedSafetensors()],
  "GGUF with random metadata and tensors": ["gguf", randomGguf()],
  "GGUF with random bytes in a right header": ["gguf", mutatedGguf()],
  "GGUF with an extreme alignment": [
    "gguf",
    fc.oneof({ weight: 9, arbitrary: values }, fc.constant(u32(32)))
      .map((value) => smallModel(new Map(small).set("general.alignment", value))),
  ],
  "a GGUF model with an extreme value": [
    "model",
    fc.tuple(fc.constantFrom(...small.keys()), values)
      .map(([key, value]) => smallModel(new Map(small).set(key, value))),
  ],
};

/** Every file survives, and both answers were really seen. */
async function check(property: string) {
  const [format, files] = properties[property];
  const folder = await Deno.makeTempDir();
  let accepted = 0, runs = 0;
  try {
    await fc.assert(
      fc.asyncProperty(files, async (bytes) => {
        if (await survives(openers[format], bytes, `${folder}/${runs++}`)) accepted++;
      }),
      { numRuns },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assert(accepted > 0 && accepted < numRuns, `${accepted} of ${numRuns} accepted`);
}

for (const property of Deno.args) {
  await check(property);
  console.log(property);
}
