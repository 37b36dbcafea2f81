/** Packed matrices that are wrong: each gets an error that names the checkpoint and the tensor. And right ones of odd shapes. */
import assert from "node:assert/strict";
import { elements, float32, type Tensor, toFloat32, widened } from "core/tensor/mod.ts";
import { openSafetensors, type Packing, safetensorsOf, withPacked } from "core/weights/mod.ts";
import { refuses } from "../../support.ts";
import { folder, join } from "./build.ts";

const plain = { scattered: false, symmetric: false, zerosLessOne: true };
const gptq = { method: "gptq", bits: 4, groupSize: 32, ...plain } as const;
const awq = { method: "awq", groupSize: 32 } as const;
const bitsandbytes = { method: "bitsandbytes" } as const;
const fp8 = { method: "fp8", block: [16, 16] } as const;

const i32 = (shape: number[], fill: (i: number) => number = () => 0): Tensor => (
  { dtype: "i32", shape, data: Int32Array.from({ length: elements(shape) }, (_, i) => fill(i)) }
);
const u8 = (shape: number[], data = new Uint8Array(elements(shape))): Tensor => ({
  dtype: "u8",
  shape,
  data,
});
const i8 = (shape: number[]): Tensor => ({ dtype: "i8", shape, data: new Int8Array(elements(shape)) });
const f32 = (shape: number[], fill = (i: number) => 1 + i) =>
  float32(shape, Float32Array.from({ length: elements(shape) }, (_, i) => fill(i)));
const json = (value: unknown): Tensor => {
  const data = new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
  return u8([data.length], data);
};

type Tensors = Readonly<Record<string, Tensor>>;

async function open(tensors: Tensors, packing: Packing) {
  const parts: Uint8Array[] = [];
  for await (const part of safetensorsOf(new Map(Object.entries(tensors))).parts()) parts.push(part.slice());
  const files = folder({ "model.safetensors": join(...parts) });
  return await withPacked(await openSafetensors(files), packing, "folder");
}

const words = {
  "X.qweight": i32([8, 16]),
  "X.qzeros": i32([2, 2]),
  "X.scales": f32([2, 16]),
  "X.g_idx": i32([64], (k) => Math.floor(k / 32)),
};
const awqWords = { "X.qweight": i32([64, 2]), "X.qzeros": i32([2, 2]), "X.scales": f32([2, 16]) };
const state = { quant_type: "nf4", blocksize: 64, dtype: "float16", shape: [4, 32] };
const STATE = "X.weight.quant_state.bitsandbytes__nf4";
const four = {
  "X.weight": u8([64, 1]),
  "X.weight.absmax": f32([2]),
  "X.weight.quant_map": f32([16]),
  [STATE]: json(state),
};
const nested = {
  ...four,
  "X.weight.absmax": u8([2]),
  "X.weight.nested_absmax": f32([1]),
  "X.weight.nested_quant_map": f32([256]),
  [STATE]: json({ ...state, nested_blocksize: 256, nested_offset: 0.5 }),
};
const eight = { "X.weight": i8([4, 32]), "X.SCB": f32([4]), "X.weight_format": u8([], new Uint8Array(1)) };

function without(tensors: Tensors, name: string): Tensors {
  const { [name]: _, ...others } = tensors;
  return others;
}

const [ABSMAX, NESTED] = ["X.weight.absmax", "X.weight.nested_quant_map"];
const zeros = '"X.qzeros" is I32 [2,2]';
const ungrouped = without(words, "X.g_idx");
const scattered = { ...gptq, scattered: true };
const odd = { ...awq, groupSize: 48 };
const stated = (value: unknown): Tensors => ({ ...four, [STATE]: json(value) });
const ordered = (order: Tensor): Tensors => ({ ...eight, "X.weight_format": order });
const inverse = { "X.weight_scale_inv": f32([1, 1]) };

/** Tensors by what is wrong with them, each with its error, and the packing where it is another than the method's usual one. */
const wrong: Record<"gptq" | "awq" | "bitsandbytes" | "fp8", Record<string, [Tensors, string, Packing?]>> = {
  gptq: {
    "no scales": [without(words, "X.scales"), '"X.scales" is missing, expected F16 or BF16 or F32 [2,16]'],
    "no zeros": [without(words, "X.qzeros"), '"X.qzeros" is missing, expected I32 [2,2]'],
    "words of floats": [
      { ...words, "X.qweight": f32([8, 16]) },
      '"X.qweight" is F32 [8,16], expected a matrix',
    ],
    "words in a row": [{ ...words, "X.qweight": i32([128]) }, '"X.qweight" is I32 [128], expected a matrix'],
    "no words": [{ ...words, "X.qweight": i32([0, 16]) }, '"X.qweight" is I32 [0,16], expected a matrix'],
    "scales of another group size": [words, `${zeros}, expected I32 [1,2]`, { ...gptq, groupSize: 64 }],
    "8 bits for 4": [words, `${zeros}, expected I32 [1,4]`, { ...gptq, bits: 8 }],
    "groups in halves": [{ ...words, "X.g_idx": f32([64]) }, '"X.g_idx" is F32 [64], expected I32 [64]'],
    "few groups": [{ ...words, "X.g_idx": i32([63]) }, '"X.g_idx" is I32 [63], expected I32 [64]'],
    "no groups where their order matters": [ungrouped, '"X.g_idx" is missing, expected I32 [64]', scattered],
    "a plain matrix too": [{ ...words, "X.weight": f32([16, 64]) }, '"X.weight" is there beside X.qweight'],
  },
  awq: {
    "no scales": [without(awqWords, "X.scales"), '"X.scales" is missing, expected F16 or'],
    "groups that do not divide": [
      awqWords,
      `"X.qweight" is I32 [64,2], expected a first side that group_size 48 divides`,
      odd,
    ],
  },
  bitsandbytes: {
    "no table": [without(four, "X.weight.quant_map"), '"X.weight.quant_map" is missing, expected F32 [16]'],
    "few scales": [{ ...four, [ABSMAX]: f32([1]) }, `"${ABSMAX}" is F32 [1], expected F32 [2]`],
    "few bytes": [
      { ...four, "X.weight": u8([63, 1]) },
      '"X.weight" is U8 of 63 bytes, expected U8 of 64 bytes',
    ],
    "no bytes": [without(four, "X.weight"), '"X.weight" is missing, expected U8 of 64 bytes for [4,32]'],
    "a truncated state": [stated('{"shape": [4, 3'), `tensor ${STATE} is not valid JSON`],
    "a state of floats": [{ ...four, [STATE]: f32([2]) }, `"${STATE}" is F32 of 8 bytes, expected JSON`],
    "a giant state": [{ ...four, [STATE]: u8([5000]) }, `"${STATE}" is U8 of 5000 bytes, expected JSON`],
    "a state without a shape": [stated({ blocksize: 64 }), "says that shape is missing"],
    "a giant shape": [stated({ ...state, shape: [4, 1e300] }), "says that shape is [4,1e+300]"],
    "a block of nothing": [stated({ ...state, blocksize: 0 }), "says that blocksize is 0"],
    "nested scales without their table": [
      without(nested, NESTED),
      `"${NESTED}" is missing, expected F32 [256]`,
    ],
    "an offset in words": [
      { ...nested, [STATE]: json({ ...state, nested_blocksize: 256, nested_offset: "1" }) },
      'says that nested_offset is "1", expected a number',
    ],
    "8 bits without their matrix": [
      without(eight, "X.weight"),
      '"X.weight" is missing, expected the matrix of X.SCB',
    ],
    "8 bits unsigned": [
      { ...eight, "X.weight": u8([4, 32]) },
      '"X.weight" is U8 [4,32], expected a matrix of I8',
    ],
    "few rows' scales": [{ ...eight, "X.SCB": f32([3]) }, '"X.SCB" is F32 [3], expected F32 [4]'],
    "a card's order": [ordered(u8([], Uint8Array.of(2))), '"X.weight_format" is 2, expected 0'],
    "an order of each row": [ordered(u8([4])), '"X.weight_format" is U8 [4], expected one byte'],
  },
  fp8: {
    "scales alone": [inverse, '"X.weight" is missing, expected the matrix of X.weight_scale_inv'],
    "float32": [
      { ...inverse, "X.weight": f32([16, 16]) },
      '"X.weight" is F32 [16,16], expected a matrix of F8_E4M3',
    ],
  },
};

for (const packing of [gptq, awq, bitsandbytes, fp8]) {
  for (const [what, [tensors, error, other]] of Object.entries(wrong[packing.method])) {
    Deno.test(`${packing.method}: ${what}`, async () => {
      await assert.rejects(open(tensors, other ?? packing), ({ message }: Error) => {
        assert.ok(message.startsWith("Cannot read folder: ") && message.includes(error), message);
        return true;
      });
    });
  }
}

Deno.test("GPTQ: a column in a group that is not there is refused as it is read, and one out of order unless desc_act says so", async () => {
  const groups = (of: (k: number) => number) => ({ ...words, "X.g_idx": i32([64], of) });
  for (const group of [2, -1]) {
    const file = await open(groups((k) => k === 7 ? group : 0), scattered);
    await assert.rejects(file.read("X.weight"), {
      message: `Cannot read folder: tensor "X.g_idx" has group ${group} for column 7, expected from 0 to 1`,
    });
  }
  const apart = groups((k) => k % 2);
  const file = await open(apart, gptq);
  const refusal = /"X\.g_idx" has group 1 for column 1, expected 0, since desc_act is not true/;
  await assert.rejects(file.read("X.weight"), refusal);
  await assert.rejects(file.blocks!("X.weight"), refusal);
  const read = await open(apart, scattered);
  assert.equal(read.tensors.get("X.weight")!.blocks, undefined);
  // Quants 0, zeros 0 + 1: minus the scale of the column's group.
  const first = toFloat32(await read.read("X.weight", [1, 2])).subarray(0, 4);
  assert.deepEqual([...first], [-2, -18, -2, -18]);
});

Deno.test("GPTQ: a zero of 0, stored less one, borrows from its neighbour and gets it back", async () => {
  const zeros = 0x00000080 - 0x11111111 | 0; // rows 0 to 7 of the first group: 0 8 0 0 0 0 0 0
  const file = await open({ ...words, "X.qzeros": i32([2, 2], (i) => i === 0 ? zeros : -0x11111111) }, gptq);
  const first = toFloat32(await file.read("X.weight"));
  assert.deepEqual([first[0], first[64], first[2 * 64]], [0, -8 * 2, 0]);
});

Deno.test("GPTQ: the last group may be smaller; rows that are no whole word, and columns that are no whole block, are widened", async () => {
  const rows = 12, columns = 40;
  const tensors = {
    "X.qweight": i32([5, rows], (i) => Math.imul(i + 1, 0x9e3779b1) | 0),
    "X.qzeros": i32([2, 2], (i) => Math.imul(i + 7, 0x85ebca6b) | 0),
    "X.scales": f32([2, rows], (i) => (i + 1) / 16),
  };
  const file = await open(tensors, { ...gptq, zerosLessOne: false });
  assert.deepEqual(file.tensors.get("X.weight")!.shape, [rows, columns]);
  assert.equal(file.tensors.get("X.weight")!.blocks, undefined);
  const nibble = (tensor: Tensor, word: number, place: number) =>
    (tensor.data as Int32Array)[word] >>> 4 * place & 15;
  const found = toFloat32(await file.read("X.weight"));
  for (let n = 0; n < rows; n++) {
    for (let k = 0; k < columns; k++) {
      const group = k < 32 ? 0 : 1;
      const quant = nibble(tensors["X.qweight"], Math.floor(k / 8) * rows + n, k % 8);
      const zero = nibble(tensors["X.qzeros"], group * 2 + Math.floor(n / 8), n % 8);
      assert.equal(found[n * columns + k], (group * rows + n + 1) / 16 * (quant - zero));
    }
  }
});

Deno.test("one scale for a row is repeated for each of its blocks, of at most 128 columns", async () => {
  const tensors = {
    "X.qweight": i32([384, 1], (i) => Math.imul(i, 0x9e3779b1) | 0),
    "X.qzeros": i32([1, 1]),
    "X.scales": f32([1, 8]),
  };
  const file = await open(tensors, { ...awq, groupSize: null });
  const format = { bits: 4, size: 128, zero: null, hasOffsets: false };
  assert.deepEqual(file.tensors.get("X.weight")!.blocks, format);
  const blocks = await file.blocks!("X.weight");
  assert.deepEqual([...blocks.scales.subarray(0, 6)], [1, 1, 1, 2, 2, 2]);
  assert.deepEqual(widened(blocks), await file.read("X.weight"));
});

Deno.test("rows outside a packed matrix, and its bytes, are refused; what is not packed is as before", async () => {
  const file = await open({ ...words, norm: f32([4]) }, gptq);
  await refuses("Cannot read ", (read: () => unknown) => read(), [
    [
      () => file.read("X.weight", [0, 17]),
      'rows [0, 17) of "X.weight" in folder: expected a range within [0, 16]',
    ],
    [() => file.blocks!("X.weight", [-1, 2]), "rows [-1, 2)"],
    [() => file.stored("X.weight"), "the bytes of X.weight in folder: it is several tensors", "TypeError"],
    [() => file.blocks!("norm"), '"norm"', "TypeError"],
  ]);
  assert.deepEqual((await file.read("norm")).data, Float32Array.of(1, 2, 3, 4));
  assert.equal(file.stored("norm").bytes, 16);
  file.close();
  await assert.rejects(file.read("X.weight"), /is closed/);
});
