/** GGUF against Python's `gguf`: tests/fixtures/make_gguf.py made the file and its dequantised values. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bufferSource } from "../../buffer.ts";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { elements, type Tensor, toFloat32, widened } from "core/tensor/mod.ts";
import { type GgufFile, openGguf, openSafetensors, type TensorFile } from "core/weights/mod.ts";
import { refuses } from "../../support.ts";
import { words } from "../../tools.ts";
import { folder, gguf, join, pair, tensor, text, uint } from "./build.ts";

const PATH = fileURLToPath(new URL("../../fixtures/gguf/types", import.meta.url));
const TYPES = words`F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K Q2_K Q3_K IQ4_NL IQ4_XS MXFP4
  IQ1_S IQ1_M IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ3_S`;

/** The values' bits: NaN and -0 count. */
function bits(tensor: Tensor): Uint32Array {
  const values = toFloat32(tensor);
  return new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
}

async function fixtures(): Promise<[file: GgufFile & Disposable, expected: TensorFile]> {
  const bytes = await Deno.readFile(`${PATH}.safetensors`);
  const expected = await openSafetensors(folder({ "model.safetensors": bytes }));
  return [closed(await openGguf(await fileSource(`${PATH}.gguf`))), expected];
}

/** A file of these parts. */
const open = async (parts: Parameters<typeof gguf>[0]) =>
  closed(await openGguf(bufferSource("m.gguf", gguf(parts))));

Deno.test("every type decodes to the bits of Python's gguf, as numbers and in blocks", async () => {
  const [file, expected] = await fixtures();
  assert.deepEqual([...file.tensors.keys()].sort(), [...expected.tensors.keys()].sort());
  const types = new Set([...file.tensors.values()].map(({ type }) => type));
  assert.deepEqual([...types].sort(), TYPES.toSorted());
  for (const [name, info] of file.tensors) {
    const tensor = await file.read(name);
    assert.deepEqual(tensor.shape, expected.tensors.get(name)!.shape, name);
    assert.deepEqual(info.shape, tensor.shape, name);
    const wanted = bits(await expected.read(name));
    assert.deepEqual(bits(tensor), wanted, name);
    if (info.blocks) assert.deepEqual(bits(widened(await file.blocks(name))), wanted, name);
  }
});

Deno.test("F16 and BF16 come as they are stored", async () => {
  using file = (await fixtures())[0];
  assert.equal((await file.read("F16.values")).dtype, "f16");
  assert.equal((await file.read("BF16.values")).dtype, "bf16");
});

Deno.test("a range of rows is that slice of the whole", async () => {
  using file = (await fixtures())[0];
  for (const [name, { shape: [count, ...rest] }] of file.tensors) {
    const whole = bits(await file.read(name));
    const row = elements(rest);
    for (const [from, to] of [[0, count], [0, 1], [1, count], [1, 3], [count, count], [count - 1, count]]) {
      if (to > count) continue;
      const part = await file.read(name, [from, to]);
      assert.deepEqual(part.shape, [to - from, ...rest]);
      assert.deepEqual(bits(part), whole.slice(from * row, to * row), `${name} [${from}, ${to})`);
    }
  }
  type Rows = readonly [name: string, rows?: readonly [number, number]];
  const read = ([name, rows]: Rows) => file.read(name, rows);
  await refuses("Cannot read ", read, [
    [["Q8_0.values", [0, 5]], `rows [0, 5) of "Q8_0.values" in ${PATH}.gguf: expected a range within [0, 4]`],
    [["Q8_0.values", [2, 1]], "rows [2, 1)"],
    [["Q8_0.values", [0.5, 1]], "rows [0.5, 1)"],
    [["none"], `${PATH}.gguf: no tensor "none", expected one of its 31 tensors`],
  ]);
  file.close();
  await assert.rejects(file.read("cube"), /Cannot read "cube": .*gguf is closed, expected an open file/);
});

Deno.test("read instead of mapped, the bytes are the same", async () => {
  const [mapped] = await fixtures();
  Deno.env.set("LAMINA_NO_MMAP", "1");
  const [read] = await fixtures().finally(() => Deno.env.delete("LAMINA_NO_MMAP"));
  read.prefetch(read.tensors.keys());
  for (const name of mapped.tensors.keys()) {
    assert.deepEqual(await read.read(name), await mapped.read(name), name);
  }
  [read, mapped].forEach((file) => file.close());
});

Deno.test("metadata of every kind", async () => {
  using file = (await fixtures())[0];
  const expected = {
    "general.architecture": "none",
    "number.u8": 255,
    "number.i8": -128,
    "number.u16": 65535,
    "number.i16": -32768,
    "number.u32": 2 ** 32 - 1,
    "number.i32": -(2 ** 31),
    "number.u64": Number.MAX_SAFE_INTEGER,
    "number.u64.large": 2n ** 64n - 1n,
    "number.i64": Number.MIN_SAFE_INTEGER,
    "number.i64.large": -(2n ** 63n),
    "number.f32": Math.fround(0.1),
    "number.f64": 0.1,
    "truth": true,
    "text": "naïve 🙂 \n",
    "list.i32": Int32Array.of(1, -2, 3),
    "list.f32": Float32Array.of(0.5, -0.25),
    "list.bool": [true, false],
    "list.text": ["a", "", "Ġb"],
    "list.u8": Uint8Array.of(0, 255),
    "general.alignment": 64,
  };
  assert.deepEqual(Object.fromEntries(file.metadata), expected);
});

Deno.test("nested arrays, version 2, and the type that most bytes have", async () => {
  const inner = join(uint(32, 0), uint(64, 2), uint(8, 7), uint(8, 8));
  const nested = join(uint(32, 9), uint(64, 1), inner);
  using file = await open({
    version: 2,
    metadata: [pair("nested", 9, nested), pair("name", 8, text(""))],
    tensors: [tensor({ name: "a", shape: [4] }), tensor({ name: "b", shape: [32, 3], type: 8, offset: 32 })],
    data: 32 + 3 * 34,
  });
  assert.deepEqual(file.metadata.get("nested"), [Uint8Array.of(7, 8)]);
  assert.equal(file.format, "GGUF Q8_0");
  const blocks = { bits: 8, size: 32, zero: 128, hasOffsets: false };
  assert.deepEqual(file.tensors.get("b"), { type: "Q8_0", dtype: "f32", shape: [3, 32], bytes: 102, blocks });
});

Deno.test("a mix of types goes by the name that the file says; a number without a name is passed over", async () => {
  const format = async (fileType: number) => {
    const metadata = [pair("general.file_type", 4, uint(32, fileType))];
    using file = await open({ metadata, tensors: [tensor({ name: "a", shape: [4] })], data: 16 });
    return file.format;
  };
  assert.deepEqual(await Promise.all([15, 3, 4711].map(format)), ["GGUF Q4_K_M", "GGUF Q4_1", "GGUF F32"]);
});

Deno.test("a header longer than the first prefix of a file that is read", async () => {
  const long = "x".repeat(3 << 20);
  const tensors = [tensor({ name: "a", shape: [4] })];
  using file = await open({ metadata: [pair("long", 8, text(long))], tensors, data: 16 });
  assert.equal(file.metadata.get("long"), long);
});
