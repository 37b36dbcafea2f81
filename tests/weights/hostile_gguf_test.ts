/** Bad GGUF: each file with the exact error it gets. */
import assert from "node:assert/strict";
import { bufferSource } from "../../src/hub/mod.ts";
import { openGguf } from "../../src/weights/mod.ts";
import { gguf, join, pair, tensor, text, uint } from "./build.ts";

const a = tensor({ name: "a", shape: [4] });
const array = (type: number, count: number | bigint, elements = new Uint8Array()) =>
  join(uint(32, type), uint(64, count), elements);
/** A file with one tensor and one pair of metadata. */
const meta = (type: number, value: Uint8Array) =>
  gguf({ tensors: [a], metadata: [pair("k", type, value)], data: 16 });
const only = (entry: Uint8Array, data = 64) => gguf({ tensors: [entry], data });

const files: [what: string, bytes: Uint8Array, error: string][] = [
  ["no bytes", new Uint8Array(), "magic at byte 0 runs past the end of 0 bytes, expected a complete file"],
  ["another magic", gguf({ magic: "GGML" }), 'magic 0x4c4d4747, expected 0x46554747 ("GGUF")'],
  ["version 1", gguf({ version: 1 }), "version 1, expected version 2 or 3, little-endian"],
  ["version 4", gguf({ version: 4 }), "version 4, expected version 2 or 3, little-endian"],
  ["big-endian", gguf({ version: 3 << 24 }), "version 50331648, expected version 2 or 3, little-endian"],
  [
    "no counts",
    join("GGUF", uint(32, 3)),
    "tensor count at byte 8 runs past the end of 8 bytes, expected a complete file",
  ],
  [
    "a tensor count of 2^64 - 1",
    gguf({ counts: { tensors: 2n ** 64n - 1n } }),
    "tensor count 18446744073709551615, expected less than 2^53",
  ],
  [
    "more tensors than the file has room for",
    gguf({ counts: { tensors: 1e9 } }),
    "tensor count 1000000000, expected at most 0 in the rest of the file",
  ],
  [
    "more metadata than the file has room for",
    gguf({ tensors: [a], counts: { metadata: 1e9 } }),
    "metadata count 1000000000, expected at most 2 in the rest of the file",
  ],
  ["no tensors", gguf({}), "no tensors, expected at least one"],
  [
    "a key longer than the file",
    gguf({ tensors: [a], metadata: [uint(64, 1e6), new Uint8Array(40)], counts: { metadata: 1 } }),
    "length of key 0 1000000, expected at most 96 in the rest of the file",
  ],
  [
    "a key longer than the format allows",
    gguf({ tensors: [a], metadata: [pair("k".repeat(65536), 0, uint(8, 1))] }),
    "length of key 0 65536, expected at most 65535 bytes",
  ],
  [
    "a key that is not UTF-8",
    gguf({ tensors: [a], metadata: [join(text(uint(8, 0xff)), uint(32, 0), uint(8, 1))] }),
    "key 0 at byte 32 is not valid UTF-8, expected UTF-8",
  ],
  [
    "a key twice",
    gguf({ tensors: [a], metadata: [pair("k", 0, uint(8, 1)), pair("k", 0, uint(8, 2))] }),
    'key "k" twice, expected unique keys',
  ],
  [
    "an unknown type of metadata",
    meta(13, uint(32, 0)),
    'value of "k" has type 13, expected a type from 0 to 12',
  ],
  [
    "a string longer than the file",
    meta(8, uint(64, 1e6)),
    'length of value of "k" 1000000, expected at most 67 in the rest of the file',
  ],
  [
    "a string of 2^63 bytes",
    meta(8, uint(64, 2n ** 63n)),
    'length of value of "k" 9223372036854775808, expected less than 2^53',
  ],
  ["a boolean of 2", meta(7, uint(8, 2)), 'value of "k" is a boolean with value 2, expected 0 or 1'],
  [
    "an array longer than the file",
    meta(9, array(4, 1e6)),
    'element count of value of "k" 1000000, expected at most 15 in the rest of the file',
  ],
  [
    "an array whose bytes overflow",
    meta(9, array(12, 2 ** 52)),
    'element count of value of "k" 4503599627370496, expected at most 7 in the rest of the file',
  ],
  [
    "an array of more strings than there is room for",
    meta(9, array(8, 1000)),
    'element count of value of "k" 1000, expected at most 7 in the rest of the file',
  ],
  [
    "an array of more booleans than any file needs",
    meta(9, array(7, 2 ** 21 + 1, new Uint8Array(2 ** 21 + 1))),
    'element count of value of "k" 2097153, expected at most 2097152',
  ],
  [
    "an array of an unknown type",
    meta(9, array(99, 1)),
    'value of "k" has type 99, expected a type from 0 to 12',
  ],
  [
    "arrays inside arrays",
    meta(9, array(9, 1, array(9, 1, array(9, 1, array(9, 1, array(0, 0)))))),
    'value of "k" nests 5 arrays deep, expected at most 4',
  ],
  ...[0, 3, 48, 2 ** 22, 2 ** 28, 2 ** 31, 2 ** 36, 2 ** 47, 2n ** 63n].map((
    alignment,
  ): [string, Uint8Array, string] => [
    `an alignment of ${alignment}`,
    gguf({ tensors: [a], metadata: [pair("general.alignment", 10, uint(64, alignment))], data: 16 }),
    `general.alignment ${alignment}, expected a power of two up to 2097152`,
  ]),
  [
    "the largest alignment, which puts the data past the end",
    gguf({ tensors: [a], metadata: [pair("general.alignment", 4, uint(32, 2 ** 21))], data: 16 }),
    'tensor "a" ends at byte 2097168, expected at most 112',
  ],
  [
    "a header that is larger than the limit",
    gguf({ tensors: [a], metadata: [pair("k", 8, text(new Uint8Array(1e8)))] }),
    'value of "k" ends at byte 100000045, expected a header of at most 100000000',
  ],
  [
    "an alignment of text",
    gguf({ tensors: [a], metadata: [pair("general.alignment", 8, text("32"))], data: 16 }),
    "a general.alignment that is not a number, expected a power of two up to 2097152",
  ],
  [
    "a tensor's name of 65 bytes",
    only(tensor({ name: "n".repeat(65), shape: [4] })),
    "length of name of tensor 0 65, expected at most 64 bytes",
  ],
  ["a tensor twice", gguf({ tensors: [a, a], data: 64 }), 'tensor "a" twice, expected unique names'],
  ["no axes", only(tensor({ name: "a", shape: [] })), 'tensor "a" has 0 axes, expected 1 to 4'],
  [
    "five axes",
    only(tensor({ name: "a", shape: [1, 1, 1, 1, 1] })),
    'tensor "a" has 5 axes, expected 1 to 4',
  ],
  [
    "an empty axis",
    only(tensor({ name: "a", shape: [4, 0] })),
    'tensor "a" has shape [0,4], expected axes of length 1 or more',
  ],
  [
    "a side of 2^53",
    only(tensor({ name: "a", shape: [2n ** 53n] })),
    'shape of tensor "a" 9007199254740992, expected less than 2^53',
  ],
  [
    "a size that overflows",
    only(tensor({ name: "a", shape: [2 ** 32, 2 ** 32] })),
    'tensor "a" has shape [4294967296,4294967296], expected fewer than 2^53 elements and bytes',
  ],
  [
    "an unknown tensor type",
    only(tensor({ name: "a", shape: [256], type: 16 })),
    'tensor "a" has type number 16, expected one of F32 F16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS BF16 MXFP4',
  ],
  [
    "rows of broken blocks",
    only(tensor({ name: "a", shape: [48], type: 8 })),
    'tensor "a" has rows of 48, expected a multiple of 32 for Q8_0',
  ],
  [
    "a misaligned tensor",
    only(tensor({ name: "a", shape: [4], offset: 16 })),
    'tensor "a" at offset 16, expected a multiple of the alignment 32',
  ],
  [
    "an offset of 2^63",
    only(tensor({ name: "a", shape: [4], offset: 2n ** 63n })),
    'offset of tensor "a" 9223372036854775808, expected less than 2^53',
  ],
  [
    "a tensor out of the file",
    only(tensor({ name: "a", shape: [4], offset: 64 })),
    'tensor "a" ends at byte 144, expected at most 128',
  ],
  [
    "an overlap",
    gguf({
      tensors: [tensor({ name: "a", shape: [16] }), tensor({ name: "b", shape: [4], offset: 32 })],
      data: 64,
    }),
    'tensor "b" at offset 32 overlaps tensor "a", which ends at 64, expected each byte in one tensor',
  ],
  [
    "a tensor of a smaller type than its data", // F16 (1) where the offsets are of F32
    gguf({
      tensors: [tensor({ name: "a", shape: [32], type: 1 }), tensor({ name: "b", shape: [4], offset: 128 })],
      data: 160,
    }),
    'tensor "b" at offset 128, a gap after tensor "a", which ends at 64, expected offset 64',
  ],
  [
    "a gap before the first tensor",
    only(tensor({ name: "a", shape: [4], offset: 32 })),
    'tensor "a" at offset 32, a gap after the start of the data, at 0, expected offset 0',
  ],
  [
    "a last tensor of a smaller type than its data",
    only(tensor({ name: "a", shape: [16], type: 1 })),
    '128 bytes, a gap after tensor "a", which ends at 32, expected at most 96',
  ],
];

for (const [what, bytes, error] of files) {
  Deno.test(`GGUF with ${what}`, async () => {
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
