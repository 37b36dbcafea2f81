/**
 * Random headers: a reader answers with an error that names the file, or with tensors that all read.
 *
 * Bytes asked of the source are counted: opening never asks for more than the file has.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { bufferSource, type ByteSource } from "../../src/hub/mod.ts";
import { elements } from "../../src/tensor/mod.ts";
import { openGguf, openSafetensors, type TensorFile } from "../../src/weights/mod.ts";
import { gguf, join, pair, safetensors, tensor, text, uint } from "./build.ts";

/** 10,000 runs in all four properties together on CI. */
const numRuns = Deno.env.get("CI") === "true" ? 2500 : 250;

const openers: Record<string, (source: ByteSource) => Promise<TensorFile>> = {
  safetensors: (source) =>
    openSafetensors({
      name: "folder",
      list: () => ["model.safetensors"],
      open: () => Promise.resolve(source),
    }),
  gguf: openGguf,
};

/** Whether the file was accepted. */
async function survives(format: keyof typeof openers, bytes: Uint8Array): Promise<boolean> {
  const buffer = bufferSource("hostile", bytes);
  let asked = 0;
  const counted: ByteSource = {
    ...buffer,
    read(start, end) {
      asked += end - start;
      return buffer.read(start, end);
    },
  };
  let file: TensorFile;
  try {
    file = await openers[format](counted);
  } catch (error) {
    assert(error instanceof SyntaxError || error instanceof RangeError, String(error));
    assert.match(error.message, /^Cannot read hostile: .+, expected .+/s);
    return false;
  } finally {
    assert(asked <= bytes.length, `asked for ${asked} of ${bytes.length} bytes`);
  }
  for (const [name, { shape, bytes: size }] of file.tensors) {
    assert(size <= bytes.length);
    const { data } = await file.read(name);
    assert.equal(data.length, elements(shape));
  }
  file.close();
  return true;
}

const names = fc.oneof(fc.constantFrom("a", "b", "__metadata__", "__proto__"), fc.string());
const counts = fc.oneof(fc.nat({ max: 8 }), fc.maxSafeNat(), fc.integer(), fc.double());
const sides = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });

/** Headers that are right, with perhaps one attribute of one tensor replaced by something else. */
const headers = fc.tuple(
  fc.dictionary(names, fc.tuple(fc.constantFrom("U8", "BOOL", "I8"), sides), { minKeys: 1, maxKeys: 3 }),
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
  const change = fc.tuple(
    fc.nat({ max: span - 1 }),
    fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 255)),
  );
  return fc.tuple(fc.array(change, { maxLength: 4 }), fc.option(fc.nat({ max: right.length }), { freq: 1 }))
    .map(
      ([changes, end]) => {
        const bytes = right.slice(0, end ?? right.length);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes;
      },
    );
}

/** Every file survives, and both answers were really seen. */
async function check(format: keyof typeof openers, files: fc.Arbitrary<Uint8Array>) {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(files, async (bytes) => {
      if (await survives(format, bytes)) accepted++;
    }),
    { numRuns },
  );
  assert(accepted > 0 && accepted < numRuns, `${accepted} of ${numRuns} accepted`);
}

Deno.test("safetensors with a wrong attribute", () => check("safetensors", headers));

Deno.test("safetensors with random bytes in a right header", () => {
  const right = safetensors({
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: "I64", shape: [], data_offsets: [24, 32] },
    __metadata__: { format: "pt" },
  }, 32);
  return check("safetensors", mutants(right, right.length - 32));
});

Deno.test("GGUF with random metadata and tensors", () => {
  const number = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const random = fc.tuple(names, fc.nat({ max: 14 }), fc.uint8Array({ maxLength: 40 }));
  const whole = fc.tuple(names, fc.constantFrom(0, 1), fc.uint8Array({ minLength: 1, maxLength: 1 }));
  const metadata = fc.array(
    fc.oneof({ weight: 4, arbitrary: whole }, random).map(([key, type, value]) => pair(key, type, value)),
    {
      maxLength: 2,
    },
  );
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
  const tensors = fc.array(fc.oneof({ weight: 4, arbitrary: tame }, wild).map(tensor), {
    minLength: 1,
    maxLength: 3,
  });
  const files = fc.tuple(metadata, tensors, fc.nat({ max: 8192 }));
  return check("gguf", files.map(([metadata, tensors, data]) => gguf({ metadata, tensors, data })));
});

Deno.test("GGUF with random bytes in a right header", () => {
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
  return check("gguf", mutants(right, right.length - 112));
});
