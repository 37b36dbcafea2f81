/**
 * Rounding by ggml, and as ggml rounds: bytes that it wrote (tests/fixtures/make_ggml.ts), and where it is installed, ggml itself, also as
 * llama.cpp quantises a whole file.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { closed } from "core/entry/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { cString, ggmlLibrary, pointerList } from "core/libraries/mod.ts";
import { elements, float32, toFloat32 } from "core/tensor/mod.ts";
import { encodeInThreads, ggufMixes, openGguf, rounded, roundInThreads, rowBytes } from "core/weights/mod.ts";
import { encodeBlocks, plainTypes, roomFor, type RowRounding } from "core/weights/blocks/encode.ts";
import { blockTypes } from "core/weights/blocks/types.ts";
import { ggmlNumbers } from "core/weights/gguf/types.ts";
import known from "../../fixtures/ggml.json" with { type: "json" };
import plain from "../../fixtures/ggml_plain.json" with { type: "json" };
import {
  anyBlocks,
  bitsOf,
  COLUMNS,
  decoded,
  encoded,
  hashOf,
  importance,
  lacksGgml,
  openGgml,
  rows,
} from "../../ggml.ts";
import { withFolder } from "../../support.ts";
import { onLinux, unless } from "../../tools.ts";
import { bits } from "../tensor/bits.ts";

const ggml = openGgml()!;
const live = unless(lacksGgml);
const bytesIn = (type: string) =>
  new Uint8Array(Buffer.from(known[type as keyof typeof known].bytes, "base64"));
const encodable = Object.keys(blockTypes);

/** Rows of `columns` numbers in one of the plain types, on this thread. */
function encodeRows(type: string, numbers: Float32Array, columns: number, rounding: RowRounding = {}) {
  const out = roomFor(type, numbers, columns, rounding);
  encodeBlocks(type, numbers, columns, out, rounding.importance);
  return out;
}

Deno.test("what ggml wrote is read as it reads it, and plain types have the same bytes", async () => {
  assert.deepEqual(Object.keys(known), encodable);
  for (const type of encodable) {
    const bytes = bytesIn(type), { numbers } = known[type as keyof typeof known];
    const out = new Float32Array(rows.length);
    blockTypes[type].decode(bytes, out);
    assert.equal(hashOf(out), numbers, type);
    if (!plainTypes.includes(type)) continue;
    assert.deepEqual(encodeRows(type, rows, COLUMNS, { importance }), bytes, type);
    for (const size of [1, 2 ** -60, 2 ** 120]) {
      const own = { importance: importance.map((number) => number * size) };
      assert.deepEqual(await encodeInThreads(type, rows, COLUMNS, own), bytes, `${type} ${size}`);
    }
    const [none, equal] = await Promise.all(
      [0, 1].map((number) =>
        encodeInThreads(type, rows, COLUMNS, { importance: new Float32Array(COLUMNS).fill(number) })
      ),
    );
    assert.deepEqual(none, equal, "of no importance, but not nothing");
    const tensor = float32([4, COLUMNS], rows);
    assert.equal(hashOf(toFloat32(rounded(type, tensor, importance))), numbers);
  }
  assert.deepEqual(Object.keys(plain), ["Q8_0", "IQ4_NL", "MXFP4"]);
  for (const [type, hash] of Object.entries(plain)) {
    assert.equal(hashOf(encodeRows(type, rows, COLUMNS)), hash, `${type} without importance`);
  }
});

/** Importance of a row whose first two blocks have none. */
const partly = importance.map((number, column) => column < 64 ? 0 : number);

Deno.test("IQ4_NL makes zeros of a block whose columns have no importance, as ggml does", () => {
  const bytes = encodeRows("IQ4_NL", rows, COLUMNS, { importance: partly });
  assert.deepEqual([...bytes.slice(0, 18)], [0, 0, ...Array(16).fill(0x88)]);
  assert.deepEqual(bytes.slice(36, 288), bytesIn("IQ4_NL").slice(36, 288));
});

Deno.test("what a type cannot hold is refused by the tensor's name", async () => {
  const name = "model.layers.0.mlp.down_proj.weight";
  const cases: [string, number, { importance?: Float32Array<ArrayBuffer> }, string][] = [
    ["Q4_K", 576, {}, "its rows have 576 numbers, expected a multiple of 256"],
    ["Q4_0", 48, {}, "its rows have 48 numbers, expected a multiple of 32"],
    ["Q4_0", 0, {}, "its rows have 0 numbers, expected a multiple of 32"],
    ["Q9_K", 256, {}, `no such type of blocks, expected one of ${encodable.join(", ")}`],
    ...["IQ2_XXS", "IQ2_XS", "IQ1_S"].map((type): typeof cases[number] => [
      ...[type, 256, {}] as const,
      "found no importance of its columns, expected a number for each of them",
    ]),
    ["Q5_0", 64, { importance: new Float32Array(32) }, "found the importance of 32 columns, expected 64"],
    ...[NaN, -1, Infinity].map((number): typeof cases[number] => [
      ...["Q4_1", 32, { importance: new Float32Array(32).fill(number, 5) }] as const,
      `column 5 has importance ${number}, expected a finite number of at least 0`,
    ]),
  ];
  for (const [type, columns, rounding, words] of cases) {
    const refusal = { name: "RangeError", message: `Cannot round ${name} to ${type}: ${words}` };
    assert.throws(() => rowBytes(type, columns, { ...rounding, name }), refusal);
    await assert.rejects(
      encodeInThreads(type, new Float32Array(columns), columns, { ...rounding, name }),
      refusal,
    );
  }
  for (const number of [NaN, Infinity, -65536]) {
    const numbers = new Float32Array(96).fill(number, 70);
    const message =
      `Cannot round ${name} to Q8_0: found ${number} in row 2, expected numbers of at most 65504`;
    assert.throws(() => encodeRows("Q8_0", numbers, 32, { name }), { message });
  }
});

onLinux("a library that is cut, or another, is not opened", () =>
  withFolder(async (folder) => {
    assert.equal(ggmlLibrary("libggml-base.so", folder), null);
    await Deno.writeTextFile(`${folder}/libggml-base.so`, "machine code");
    const message =
      /^Cannot open .*\/libggml-base\.so: its SHA-256 is \w{64}, expected 6c34\w{60}; lamina ggml installs it again$/;
    assert.throws(() => ggmlLibrary("libggml-base.so", folder), { message });
  }));

live(
  "every type has ggml's row sizes, and needs importance where it does",
  () => {
    for (const type of encodable) {
      const number = ggmlNumbers.get(type)!;
      assert.equal(
        rowBytes(type, 1024, { importance: new Float32Array(1024) }),
        Number(ggml.ggml_row_size(number, 1024n)),
      );
      assert.equal(hashOf(bitsOf(decoded(ggml, type, anyBlocks(type)))), known[type as "Q4_0"].any, type);
      const needs = ggml.ggml_quantize_requires_imatrix(number);
      assert.equal(needs, ["IQ2_XXS", "IQ2_XS", "IQ1_S"].includes(type), type);
    }
  },
);

live(
  "rows in several pieces are those of one call, with importance and without, and read again as rounded",
  async () => {
    const [columns, count] = [1024, 300];
    const numbers = Float32Array.from({ length: columns * count }, (_, i) => rows[i % 2011]);
    const own = Float32Array.from({ length: columns }, (_, i) => importance[i % 509]);
    for (const type of ["Q4_1", "Q5_0", "Q8_0", "IQ4_NL", "Q4_K", "IQ4_XS", "MXFP4"]) {
      for (const weights of [own, null]) {
        if (!weights && ["Q4_1", "Q5_0"].includes(type)) continue; // ours alone
        const expected = encoded(ggml, type, numbers, columns, weights);
        assert.deepEqual(
          await encodeInThreads(type, numbers, columns, { importance: weights }),
          expected,
          type,
        );
        const read = await roundInThreads(type, float32([count, columns], numbers), { importance: weights });
        assert.deepEqual(bits(read.data as Float32Array), bits(decoded(ggml, type, expected)));
      }
    }
    const signal = AbortSignal.abort(new Error("stopped by hand"));
    await assert.rejects(encodeInThreads("Q4_K", numbers, columns, { signal }), /stopped by hand/);
  },
);

live("numbers of every size are rounded to ggml's bytes of Q8_0, IQ4_NL and MXFP4", () => {
  const numbers = Float32Array.from({ length: 2 ** 18 }, (_, i) => {
    const block = i >> 5, scaled = (rows[i % 2011] + rows[i % 1999]) * 2 ** (block % 67 - 58);
    return block % 3 === 0 ? Math.round(scaled * 2 ** 58) / 2 ** 56 : scaled;
  });
  for (const type of Object.keys(plain)) {
    for (const weights of [importance, partly, null]) {
      const found = encodeRows(type, numbers, COLUMNS, { importance: weights });
      assert.deepEqual(found, encoded(ggml, type, numbers, COLUMNS, weights), type);
    }
  }
});

const mixes = new Map([...ggufMixes].map(([number, name]) => [name, number]));

Deno.test("our encoders in threads write what they write in one", async () => {
  const numbers = Float32Array.from({ length: 2 ** 21 }, (_, i) => rows[i % 2011]);
  for (const type of ["Q5_1", "Q8_0", "IQ4_NL"]) {
    assert.deepEqual(await encodeInThreads(type, numbers, 64), encodeRows(type, numbers, 64), type);
  }
});

/** Has llama.cpp quantise a file to one type, by the importance of tensors. */
function quantise(
  from: string,
  to: string,
  type: string,
  weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
): void {
  const { symbols: { ggml_version } } = Deno.dlopen(ggml.path, { ggml_version: { type: "pointer" } });
  const { symbols: llama } = Deno.dlopen(ggmlLibrary("libllama.v0.5.0.so")!, {
    llama_model_quantize_default_params: { parameters: ["buffer"], result: "pointer" },
    llama_model_quantize: { parameters: ["buffer", "buffer", "buffer"], result: "u32" },
    llama_log_set: { parameters: ["pointer", "pointer"], result: "void" },
  });
  llama.llama_log_set(ggml_version, null); // a function that does nothing with lines
  const params = new DataView(new ArrayBuffer(256));
  llama.llama_model_quantize_default_params(params);
  params.setInt32(4, mixes.get(type)!, true);
  params.setUint8(16, 1); // requantises
  params.setUint8(19, 1); // one type for all
  const held = [...weights].flatMap(([name, own]) => [cString(name), new Uint8Array(own.buffer)]);
  const pointers = new BigUint64Array(pointerList(held).buffer);
  const entries = new BigUint64Array(3 * weights.size + 3); // name, numbers, their count; the last one is empty
  [...weights.values()].forEach(({ length }, i) =>
    entries.set([pointers[2 * i], pointers[2 * i + 1], BigInt(length)], 3 * i)
  );
  params.setBigUint64(24, Deno.UnsafePointer.value(Deno.UnsafePointer.of(entries)), true);
  assert.equal(llama.llama_model_quantize(cString(from), cString(to), params), 0, type);
}

live("a file that llama.cpp quantises has these bytes", () =>
  withFolder(async (folder) => {
    const path = fileURLToPath(new URL("../../fixtures/gguf/llama.gguf", import.meta.url));
    using file = closed(await openGguf(await fileSource(path)));
    const weights = new Map([...file.tensors].map(([name, { shape }], i) => {
      const own = Float32Array.from({ length: shape.at(-1)! }, (_, j) => importance[(i * 37 + j) % COLUMNS]);
      return [name, own] as const;
    }));
    for (const type of ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL"]) {
      quantise(path, `${folder}/${type}.gguf`, type, weights);
      using made = closed(await openGguf(await fileSource(`${folder}/${type}.gguf`)));
      const seen = [...made.tensors].filter(([, info]) => info.type === type);
      assert.ok(seen.length > 15, `${type}: ${seen.length} of ${made.tensors.size}`);
      for (const [name, { shape }] of seen) {
        const tensor = await file.read(name);
        const expected = await roundInThreads(type, tensor, { importance: weights.get(name)! });
        const read = await made.read(name);
        assert.equal(elements(shape), read.data.length);
        const [found, wanted] = [read, expected].map(({ data }) => bits(data as Float32Array));
        assert.deepEqual(found, wanted, `${name} in ${type}`);
      }
    }
  }));
