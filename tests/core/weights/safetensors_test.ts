/** Safetensors: what is written reads back, mapped or not, whole or in shards. */
import assert from "node:assert/strict";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { type DType, float32, type Tensor, viewOf } from "core/tensor/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { type CheckpointFiles, openSafetensors } from "core/weights/mod.ts";
import { refuses, withFolder } from "../../support.ts";
import { folder, safetensors } from "./build.ts";
import { onLinux } from "../../tools.ts";

const DTYPES: DType[] = ["f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "bool"];

function random(dtype: DType, shape: number[]): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  const bytes = Uint8Array.from({ length: length * 8 }, () => Math.floor(256 * Math.random()));
  return { dtype, shape, data: viewOf(dtype, bytes.buffer, 0, length) };
}

/** What reading gives: float64 is rounded to float32, once. */
function asRead(tensor: Tensor): Tensor {
  return tensor.dtype === "f64"
    ? float32(tensor.shape, Float32Array.from(tensor.data as Float64Array))
    : tensor;
}

const open = async (files: CheckpointFiles) => closed(await openSafetensors(files));

function disk(path: string): CheckpointFiles {
  return {
    name: path,
    list: () => Array.from(Deno.readDirSync(path), ({ name }) => name),
    open: (file) => fileSource(`${path}/${file}`),
  };
}

Deno.test("what is written reads back, mapped and read", () =>
  withFolder(async (path) => {
    const tensors = new Map<string, Tensor>();
    for (const dtype of DTYPES) {
      tensors.set(`odd.${dtype}`, random(dtype, [3, 5, 1]));
      tensors.set(`scalar.${dtype}`, random(dtype, []));
      tensors.set(`empty.${dtype}`, random(dtype, [0, 4]));
    }
    await writeSafetensors(`${path}/model.safetensors`, tensors);
    assert.deepEqual(disk(path).list(), ["model.safetensors"]);
    for (const off of [undefined, "1"]) {
      if (off) Deno.env.set("LAMINA_NO_MMAP", off);
      using file = await open(disk(path)).finally(() => Deno.env.delete("LAMINA_NO_MMAP"));
      assert.deepEqual(new Set(file.tensors.keys()), new Set(tensors.keys()));
      file.prefetch(["odd.f32", "odd.bf16"]);
      for (const [name, written] of tensors) {
        const tensor = asRead(written);
        assert.equal(file.tensors.get(name)!.dtype, tensor.dtype);
        assert.deepEqual(await file.read(name), tensor, name);
        if (tensor.shape.length === 0) continue;
        const data = tensor.data.subarray(5, 15) as Tensor["data"];
        const rows = { ...tensor, shape: [2, 5, 1], data };
        if (name.startsWith("odd")) assert.deepEqual(await file.read(name, [1, 3]), rows, name);
      }
      await assert.rejects(
        file.read("scalar.f32", [0, 1]),
        /^TypeError: Cannot read rows of "scalar\.f32" in .*: found a scalar, expected a first axis$/,
      );
    }
  }));

Deno.test("views outlive the file", () =>
  withFolder(async (path) => {
    const tensor = random("u8", [1 << 16]);
    await writeSafetensors(`${path}/model.safetensors`, new Map([["a", tensor]]));
    using file = await open(disk(path));
    const view = await file.read("a");
    file.close();
    await Deno.remove(`${path}/model.safetensors`);
    assert.deepEqual(view, tensor);
  }));

Deno.test("of a file that has shrunk, what is left can be read", () =>
  withFolder(async (path) => {
    const [a, b] = [random("u8", [5000]), random("u8", [5000])];
    for (const off of [undefined, "1"]) {
      await writeSafetensors(`${path}/model.safetensors`, new Map([["a", a], ["b", b]]));
      if (off) Deno.env.set("LAMINA_NO_MMAP", off);
      using file = await open(disk(path)).finally(() => Deno.env.delete("LAMINA_NO_MMAP"));
      const { size } = await Deno.stat(`${path}/model.safetensors`);
      await Deno.truncate(`${path}/model.safetensors`, size - 1);
      assert.deepEqual(await file.read("a"), a);
      await assert.rejects(file.read("b"), RegExp(`^RangeError: .*${size - 1}.*${size}`));
    }
  }));

onLinux("a mapped tensor is a view, not a copy", () =>
  withFolder(async (path) => {
    await writeSafetensors(
      `${path}/model.safetensors`,
      new Map([["a", random("f32", [8])], ["b", random("f32", [8])]]),
    );
    using file = await open(disk(path));
    const [a, b] = [await file.read("a"), await file.read("b")];
    assert.equal(a.data.buffer, b.data.buffer);
  }));

Deno.test("shards listed by an index", async () => {
  const entry = (type: string, bytes: number) => ({ dtype: type, shape: [4], data_offsets: [0, bytes] });
  using file = await open(folder({
    "model.safetensors.index.json": JSON.stringify({
      metadata: { total_size: 24 },
      weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" },
    }),
    "model-1.safetensors": safetensors({ a: entry("F32", 16) }, 16),
    "model-2.safetensors": safetensors({ b: entry("BF16", 8), __metadata__: { format: "pt" } }, 8),
  }));
  assert.equal(file.format, "safetensors F32");
  assert.deepEqual([...file.tensors], [
    ["a", { type: "F32", dtype: "f32", shape: [4], bytes: 16 }],
    ["b", { type: "BF16", dtype: "bf16", shape: [4], bytes: 8 }],
  ]);
  assert.deepEqual(await file.read("b"), { dtype: "bf16", shape: [4], data: new Uint16Array(4) });
});

/** A header's words for a vector of bytes. */
const vector = (from: number, to: number, dtype = "U8") => (
  { dtype, shape: [to - from], data_offsets: [from, to] }
);

Deno.test("an index and shards with more than each other open; only who asks for what lacks is refused", async () => {
  using file = await open(folder({
    "model.safetensors.index.json": JSON.stringify({
      weight_map: { a: "x.safetensors", gone: "x.safetensors", far: "z.safetensors", moved: "x.safetensors" },
    }),
    "x.safetensors": safetensors({ a: vector(0, 4), more: vector(4, 6) }, 6),
    "y.safetensors": safetensors({ a: vector(0, 1) }, 1), // beside them, in no index
  }));
  assert.deepEqual([...file.tensors.keys()], ["a", "more"]);
  assert.deepEqual((await file.read("more")).data, new Uint8Array(2));
  assert.deepEqual([...file.lacking], [
    ["gone", 'not in "x.safetensors"'],
    ["far", 'shard "z.safetensors" is missing'],
    ["moved", 'not in "x.safetensors"'],
  ]);
  await refuses("Cannot read folder: ", (name: string) => file.read(name), [
    ["far", 'no tensor "far" (shard "z.safetensors" is missing), expected one of its 2 tensors'],
  ]);
});

Deno.test("files without an index are the checkpoint", async () => {
  using file = await open(folder({
    "model-00001-of-00002.safetensors": safetensors({ a: vector(0, 4) }, 4),
    "model-00002-of-00002.safetensors": safetensors({ b: vector(0, 4) }, 4),
  }));
  assert.deepEqual([...file.tensors.keys()], ["a", "b"]);
});

Deno.test("a tensor of a type that cannot be read is refused when it is asked for, and only then", async () => {
  const types = ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "U16", "U32", "U64", "F4", "F6_E2M3", "C64"];
  const header = Object.fromEntries(types.map((type, i) => [type, vector(4 * i, 4 * i + 4, type)]));
  const end = 4 * types.length;
  using file = await open(folder({
    "model.safetensors": safetensors({ ...header, good: vector(end, end + 4) }, end + 4),
  }));
  assert.deepEqual((await file.read("good")).data, new Uint8Array(4));
  file.prefetch(types);
  const known = "expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL";
  for (const type of types) assert.equal(file.tensors.get(type)!.dtype, null);
  await refuses(
    "TypeError: Cannot read ",
    (type: string) => file.read(type),
    types.map((type) => [type, `"${type}" in model.safetensors: it is ${type}, ${known}`]),
  );
});

Deno.test("float64 comes as float32, by rows too, from any offset, and the format says so", async () => {
  const values = Float64Array.of(1 / 3, -(2 ** -149), 2 ** -151, NaN, 1 + 2 ** -25, 7);
  const header = JSON.stringify({
    odd: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
    a: { dtype: "F64", shape: [3, 2], data_offsets: [1, 49] },
  });
  const bytes = safetensors(header, 49);
  bytes.set(new Uint8Array(values.buffer), bytes.length - 48);
  using file = await open(folder({ "model.safetensors": bytes }));
  assert.equal(file.format, "safetensors F64 read as F32");
  assert.deepEqual(await file.read("a"), float32([3, 2], Float32Array.from(values)));
  assert.deepEqual(await file.read("a", [1, 3]), float32([2, 2], Float32Array.from(values.subarray(2))));
});

Deno.test("tensors at odd offsets are copied to where they can be read", async () => {
  const header = JSON.stringify({
    a: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
    b: { dtype: "I64", shape: [2], data_offsets: [1, 17] },
  });
  using file = await open(folder({ "model.safetensors": safetensors(header, 17) }));
  assert.deepEqual(await file.read("b"), { dtype: "i64", shape: [2], data: new BigInt64Array(2) });
});

Deno.test("nothing is left of a file that cannot be written", () =>
  withFolder(async (path) => {
    const target = `${path}/model.safetensors`;
    const write = (tensor: Tensor) => writeSafetensors(target, new Map([["a", tensor]]));
    await refuses("TypeError: Cannot write ", write, [
      [{ dtype: "f32", shape: [3], data: new Float32Array(2) }, '"a": 8 bytes, expected 12 for f32 [3]'],
      [{ dtype: "f32", shape: [2], data: new Uint16Array(4) }, '"a": '],
    ]);
    await Deno.mkdir(target); // the rename fails
    await assert.rejects(write(random("f32", [2])));
    assert.deepEqual(disk(path).list(), ["model.safetensors"]);
  }));
