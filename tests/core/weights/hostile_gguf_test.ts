/** Bad GGUF: each file with the exact error it gets. */
import assert from "node:assert/strict";
import { bufferSource } from "../../buffer.ts";
import { openGguf } from "core/weights/mod.ts";
import { gguf, join, pair, tensor, text, uint, type Written } from "./build.ts";

const a = tensor({ name: "a", shape: [4] });
const array = (type: number, count: number | bigint, elements = new Uint8Array()) =>
  join(uint(32, type), uint(64, count), elements);
/** A file with one tensor and one pair of metadata. */
const meta = (type: number, value: Uint8Array) =>
  gguf({ tensors: [a], metadata: [pair("k", type, value)], data: 16 });
const keyed = (...metadata: Uint8Array[]) => gguf({ tensors: [a], metadata });
const counted = (metadata: number, ...bytes: Uint8Array[]) =>
  gguf({ tensors: [a], metadata: bytes, counts: { metadata } });
const aligned = (type: number, alignment: Uint8Array) =>
  gguf({ tensors: [a], metadata: [pair("general.alignment", type, alignment)], data: 16 });
const only = (shape: (number | bigint)[], others: Partial<Written> = {}) =>
  gguf({ tensors: [tensor({ name: "a", shape, ...others })], data: 64 });
const two = (one: Omit<Written, "name">, offset: number, data: number) =>
  gguf({ tensors: [tensor({ name: "a", ...one }), tensor({ name: "b", shape: [4], offset })], data });
const deeper = (inner: Uint8Array<ArrayBuffer>) => array(9, 1, inner);
const [BYTE, BYTES] = [uint(8, 0xff), new Uint8Array(1e8)];
const [MANY, HUGE, F16] = [2 ** 21 + 1, [2 ** 32, 2 ** 32], { shape: [32], type: 1 }];
const room = (most: number) => `expected at most ${most} in the rest of the file`;
const NAMES =
  "F32 F16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL " +
  "IQ3_S IQ2_S IQ4_XS IQ1_M BF16 MXFP4";
const EACH = "expected each byte in one tensor";

/** Files by their errors. */
const files: Record<string, Uint8Array> = {
  "magic at byte 0 runs past the end of 0 bytes, expected a complete file": new Uint8Array(),
  'magic 0x4c4d4747, expected 0x46554747 ("GGUF")': gguf({ magic: "GGML" }),
  "version 1, expected version 2 or 3, little-endian": gguf({ version: 1 }),
  "version 4, expected version 2 or 3, little-endian": gguf({ version: 4 }),
  "version 50331648, expected version 2 or 3, little-endian": gguf({ version: 3 << 24 }),
  "tensor count at byte 8 runs past the end of 8 bytes, expected a complete file": join("GGUF", uint(32, 3)),
  "tensor count 18446744073709551615, expected less than 2^53": gguf({ counts: { tensors: 2n ** 64n - 1n } }),
  [`tensor count 1000000000, ${room(0)}`]: gguf({ counts: { tensors: 1e9 } }),
  [`metadata count 1000000000, ${room(2)}`]: counted(1e9),
  "no tensors, expected at least one": gguf({}),
  [`length of key 0 1000000, ${room(96)}`]: counted(1, uint(64, 1e6), new Uint8Array(40)),
  "length of key 0 65536, expected at most 65535 bytes": keyed(pair("k".repeat(65536), 0, uint(8, 1))),
  "key 0 at byte 32 is not valid UTF-8, expected UTF-8": keyed(join(text(BYTE), uint(32, 0), uint(8, 1))),
  'key "k" twice, expected unique keys': keyed(pair("k", 0, uint(8, 1)), pair("k", 0, uint(8, 2))),
  'value of "k" has type 13, expected a type from 0 to 12': meta(13, uint(32, 0)),
  [`length of value of "k" 1000000, ${room(67)}`]: meta(8, uint(64, 1e6)),
  'length of value of "k" 9223372036854775808, expected less than 2^53': meta(8, uint(64, 2n ** 63n)),
  'value of "k" is a boolean with value 2, expected 0 or 1': meta(7, uint(8, 2)),
  [`element count of value of "k" 1000000, ${room(15)}`]: meta(9, array(4, 1e6)),
  [`element count of value of "k" 4503599627370496, ${room(7)}`]: meta(9, array(12, 2 ** 52)),
  [`element count of value of "k" 1000, ${room(7)}`]: meta(9, array(8, 1000)),
  'element count of value of "k" 2097153, expected at most 2097152': meta(
    9,
    array(7, MANY, new Uint8Array(MANY)),
  ),
  'value of "k" has type 99, expected a type from 0 to 12': meta(9, array(99, 1)),
  'value of "k" nests 5 arrays deep, expected at most 4': meta(9, [1, 2, 3, 4].reduce(deeper, array(0, 0))),
  ...Object.fromEntries(
    [0, 3, 48, 2 ** 22, 2 ** 28, 2 ** 31, 2 ** 36, 2 ** 47, 2n ** 63n].map((alignment) => [
      `general.alignment ${alignment}, expected a power of two up to 2097152`,
      aligned(10, uint(64, alignment)),
    ]),
  ),
  'tensor "a" ends at byte 2097168, expected at most 112': aligned(4, uint(32, 2 ** 21)),
  [`value of "k" ends at byte 100000045, expected a header of at most ${1e8}`]: meta(8, text(BYTES)),
  "a general.alignment that is not a number, expected a power of two up to 2097152": aligned(8, text("32")),
  "length of name of tensor 0 65, expected at most 64 bytes": only([4], { name: "n".repeat(65) }),
  'tensor "a" twice, expected unique names': gguf({ tensors: [a, a], data: 64 }),
  'tensor "a" has 0 axes, expected 1 to 4': only([]),
  'tensor "a" has 5 axes, expected 1 to 4': only([1, 1, 1, 1, 1]),
  'tensor "a" has shape [0,4], expected axes of length 1 or more': only([4, 0]),
  'shape of tensor "a" 9007199254740992, expected less than 2^53': only([2n ** 53n]),
  [`tensor "a" has shape [${2 ** 32},${2 ** 32}], expected fewer than 2^53 elements and bytes`]: only(HUGE),
  [`tensor "a" has type number 4, expected one of ${NAMES}`]: only([256], { type: 4 }),
  'tensor "a" has rows of 48, expected a multiple of 32 for Q8_0': only([48], { type: 8 }),
  'tensor "a" at offset 16, expected a multiple of the alignment 32': only([4], { offset: 16 }),
  'offset of tensor "a" 9223372036854775808, expected less than 2^53': only([4], { offset: 2n ** 63n }),
  'tensor "a" ends at byte 144, expected at most 128': only([4], { offset: 64 }),
  [`tensor "b" at offset 32 overlaps tensor "a", which ends at 64, ${EACH}`]: two({ shape: [16] }, 32, 64),
  // F16 (1) where the offsets are of F32.
  'tensor "b" at offset 128, a gap after tensor "a", which ends at 64 (tensors in the header: 2), expected offset 64':
    two(F16, 128, 160),
  'tensor "a" at offset 32, a gap after the start of the data, at 0 (tensors in the header: 1), expected offset 0':
    only([4], { offset: 32 }),
  '128 bytes, a gap after tensor "a", which ends at 32 (tensors in the header: 1), expected at most 96': only(
    [16],
    { type: 1 },
  ),
};

for (const [error, bytes] of Object.entries(files)) {
  Deno.test(`GGUF: ${error}`, async () => {
    await assert.rejects(openGguf(bufferSource("m.gguf", bytes)), (thrown: Error) => {
      assert.equal(thrown.message, "Cannot read m.gguf: " + error);
      assert(thrown instanceof SyntaxError || thrown instanceof RangeError);
      return true;
    });
  });
}

Deno.test("GGUF whose tensors lie one behind the other in any order, the last one padded or not", async () => {
  const later = tensor({ name: "a", shape: [4], offset: 64 }), first = tensor({ name: "b", shape: [10] });
  for (const data of [80, 96]) {
    const file = await openGguf(bufferSource("m.gguf", gguf({ tensors: [later, first], data })));
    assert.equal(file.tensors.size, 2);
    file.close();
  }
});

Deno.test("GGUF cut off at any byte", async () => {
  const whole = meta(9, array(8, 2, join(text("one"), text("two"))));
  await openGguf(bufferSource("m.gguf", whole));
  for (let length = 0; length < whole.length; length++) {
    await assert.rejects(
      openGguf(bufferSource("m.gguf", whole.subarray(0, length))),
      /^(Syntax|Range)Error: Cannot read/,
    );
  }
});
