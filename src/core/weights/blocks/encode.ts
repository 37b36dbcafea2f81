/**
 * Rounds float32 to what a file can hold: 16 bits, or blocks of 32 numbers that share a scale d and, in Q4_1 and Q5_1, an offset m. Q8_0,
 * IQ4_NL and MXFP4 are the bytes that ggml writes. In the others the scale maps a block's extreme numbers to the ends of the range, and
 * rounding again changes nothing: ggml does the same, but rounds the scale behind the quants, so that about half of them differ. With the
 * importance of columns, these too have ggml's bytes (search.ts).
 */
import {
  byteSize,
  bytesOf,
  type DType,
  elements,
  float32,
  type Tensor,
  toFloat32,
  viewOf,
} from "../../tensor/mod.ts";
import { cutTensor } from "../cut.ts";
import { exponentOf, scaleNonLinear } from "./indexed.ts";
import { half } from "./repack4.ts";
import { found, scaleSearched, searchOffset, weigh } from "./search.ts";
import { blockTypes } from "./types.ts";

/** Quants from 0 on, behind a scale. */
type Form = { readonly bits: 4 | 5; readonly hasOffset: boolean };
const forms: Readonly<Record<string, Form>> = {
  Q4_0: { bits: 4, hasOffset: false },
  Q5_0: { bits: 5, hasOffset: false },
  Q4_1: { bits: 4, hasOffset: true },
  Q5_1: { bits: 5, hasOffset: true },
};

/** Types that are encoded as ggml does, with importance or without. `column` is that of the first number of the block. */
const likeGgml: Readonly<
  Record<
    string,
    (
      x: Float32Array,
      at: number,
      out: Uint8Array,
      to: number,
      importance: Float32Array | null,
      column: number,
    ) => void
  >
> = {
  Q8_0: encodeBytes,
  IQ4_NL(x, at, out, to, importance, column) {
    put(out, to, scaleNonLinear(x, at, importance, column));
    pack(4, out, to + 2);
  },
  MXFP4(x, at, out, to) {
    out[to] = exponentOf(x, at);
    pack(4, out, to + 1);
  },
};

const { quants } = found;
const { fround } = Math;

/** Rounds the 32 numbers from `at` on into the bytes from `to` on, by the weights of `search.ts` if the block is weighed. */
function encodeBlock(
  form: Form,
  x: Float32Array,
  at: number,
  isWeighed: boolean,
  out: Uint8Array,
  to: number,
): void {
  const { bits, hasOffset } = form;
  if (!hasOffset) {
    const least = -(2 ** (bits - 1));
    if (isWeighed) put(out, to, scaleSearched(x, at, -least));
    else {
      const d = put(out, to, below(furthest(x, at) / least));
      for (let j = 0; j < 32; j++) quants[j] = nearest(x[at + j], d, least, -least - 1) - least;
    }
  } else if (isWeighed) {
    searchOffset(x, at, 2 ** bits - 1);
    put(out, to, found.scale);
    put(out, to + 2, found.offset);
  } else {
    let low = x[at], high = x[at];
    for (let j = 1; j < 32; j++) {
      low = Math.min(low, x[at + j]);
      high = Math.max(high, x[at + j]);
    }
    const most = 2 ** bits - 1;
    const d = put(out, to, (high - low) / most), m = put(out, to + 2, low);
    for (let j = 0; j < 32; j++) quants[j] = nearest(x[at + j] - m, d, 0, most);
  }
  pack(bits, out, to + (hasOffset ? 4 : 2));
}

/** Puts quants at the end of a block: fifth bits in their order, then the first 16 in the lower halves of bytes, the others in the upper. */
function pack(bits: 4 | 5, out: Uint8Array, at: number): void {
  if (bits === 5) {
    for (let j = 0; j < 32; j += 8, at++) {
      let fifths = 0;
      for (let k = 0; k < 8; k++) fifths |= quants[j + k] >> 4 << k;
      out[at] = fifths;
    }
  }
  for (let j = 0; j < 16; j++) out[at + j] = quants[j] & 15 | quants[j + 16] << 4;
}

/** Q8_0: signed bytes behind a scale, which is rounded to float16 last. A half is rounded away from zero, as C's `roundf` does. */
function encodeBytes(x: Float32Array, at: number, out: Uint8Array, to: number): void {
  const d = fround(Math.abs(furthest(x, at)) / 127), inverse = d === 0 ? 0 : fround(1 / d);
  put(out, to, d);
  for (let j = 0; j < 32; j++) {
    const value = fround(x[at + j] * inverse);
    out[to + 2 + j] = Math.trunc(value + (value < 0 ? -0.5 : 0.5));
  }
}

/** The number of a block that is furthest from zero. */
function furthest(x: Float32Array, at: number): number {
  let most = 0;
  for (let j = at; j < at + 32; j++) if (Math.abs(x[j]) > Math.abs(most)) most = x[j];
  return most;
}

const halfOf = new Float16Array(1), bitsOfHalf = new Uint16Array(halfOf.buffer);

/** A float16 that is no further from zero, so that the furthest number of a block is the same at the end of its range. */
function below(scale: number): number {
  halfOf[0] = scale;
  if (Math.abs(halfOf[0]) > Math.abs(scale)) bitsOfHalf[0]--;
  return halfOf[0] || 0; // zero has no sign
}

function put(out: Uint8Array, at: number, value: number): number {
  halfOf[0] = value;
  out[at] = bitsOfHalf[0];
  out[at + 1] = bitsOfHalf[0] >> 8;
  return half[bitsOfHalf[0]];
}

/** A whole number; 0 where the scale is 0. */
const nearest = (value: number, scale: number, least: number, most: number): number =>
  scale === 0 ? 0 : Math.min(Math.max(Math.round(value / scale) || 0, least), most);

/** The types whose blocks are encoded here; ggml encodes the others. */
export const plainTypes: readonly string[] = [...Object.keys(forms), ...Object.keys(likeGgml)];

/** Encodes rows of `columns` numbers to the start of `out`; what these are is not checked. `importance` has a number for each column. */
export function encodeBlocks(
  type: string,
  numbers: Float32Array,
  columns: number,
  out: Uint8Array,
  importance?: Float32Array | null,
): void {
  const { blockElements, blockBytes } = blockTypes[type];
  const form = forms[type], encode = likeGgml[type];
  for (let at = 0, to = 0, mean = 0; at < numbers.length; at += blockElements, to += blockBytes) {
    if (encode) encode(numbers, at, out, to, importance ?? null, at % columns);
    else {
      if (importance) mean = weigh(numbers, at, columns, importance, mean);
      encodeBlock(form, numbers, at, Boolean(importance), out, to);
    }
  }
}

/** How rows are rounded. */
export interface RowRounding {
  /** Of each column, at least 0: the mean square of the inputs that are multiplied with it. */
  readonly importance?: Float32Array<ArrayBuffer> | null | undefined;
  /** The tensor's name, for errors. */
  readonly name?: string;
}

/** Types that ggml does not encode without importance. */
const IMPORTANT = ["IQ2_XXS", "IQ2_XS", "IQ1_S"];
/** The largest float16: no scale of smaller numbers leaves its range. */
const LARGEST = 65504;

/** Bytes of a row of numbers in a type of blocks. Throws `RangeError` that names the tensor where it cannot hold the row. */
export function rowBytes(
  type: string,
  columns: number,
  { importance, name = "a tensor" }: RowRounding = {},
): number {
  const refused = (found: string, expected: string) =>
    new RangeError(`Cannot round ${name} to ${type}: ${found}, expected ${expected}`);
  if (!Object.hasOwn(blockTypes, type)) {
    throw refused("no such type of blocks", `one of ${Object.keys(blockTypes).join(", ")}`);
  }
  const { blockElements, blockBytes } = blockTypes[type];
  if (columns % blockElements !== 0 || !(columns > 0)) {
    throw refused(`its rows have ${columns} numbers`, `a multiple of ${blockElements}`);
  }
  if (!importance && IMPORTANT.includes(type)) {
    throw refused("found no importance of its columns", "a number for each of them");
  }
  if (importance && importance.length !== columns) {
    throw refused(`found the importance of ${importance.length} columns`, String(columns));
  }
  const at = importance?.findIndex((number) => !(number >= 0 && number < Infinity)) ?? -1;
  if (at >= 0) {
    throw refused(`column ${at} has importance ${importance![at]}`, "a finite number of at least 0");
  }
  return columns / blockElements * blockBytes;
}

/**
 * Importance times a power of two, which changes no block but keeps sums of it in float32's range: beyond, numbers become 0 or NaN. Where no
 * column has any, all have the same.
 */
export function inRange(importance: Float32Array): Float32Array<ArrayBuffer> {
  const most = importance.reduce((most, number) => Math.max(most, number), 0);
  const scale = 2 ** -Math.floor(Math.log2(most));
  return Float32Array.from(importance, (number) => most === 0 ? 1 : number * scale);
}

/** Room for rows in a type of blocks, after a check of them. Throws `RangeError` that names the tensor. */
export function roomFor(
  type: string,
  numbers: Float32Array,
  columns: number,
  rounding: RowRounding = {},
): Uint8Array<ArrayBuffer> {
  const bytes = rowBytes(type, columns, rounding);
  for (let at = 0; at < numbers.length; at++) {
    if (Math.abs(numbers[at]) <= LARGEST) continue;
    throw new RangeError(
      `Cannot round ${rounding.name ?? "a tensor"} to ${type}: found ${numbers[at]} in row ${
        Math.floor(at / columns)
      }, expected numbers of at most ${LARGEST}`,
    );
  }
  return new Uint8Array(new ArrayBuffer(numbers.length / columns * bytes)); // never in V8's own heap, where it may move
}

/**
 * Lists the types that can replace a matrix's own type in a file, smallest first, for rows of `columns` numbers: blocks give way to blocks of the
 * same type, Q8_0 or F16, and 16 bits stay. F32 has none, since no type is as exact. IQ4_NL is none: rounding again may change its numbers.
 */
export function typesFor(type: string, columns: number): string[] {
  if (!Object.hasOwn(blockTypes, type)) return ["F16", "BF16"].includes(type) ? [type] : [];
  const fitting = columns % 32 === 0 ? [type, "Q8_0"] : [];
  return [...new Set(fitting)].filter((name) => plainTypes.includes(name) && name !== "IQ4_NL").concat("F16");
}

/** Bytes of a tensor in such a type, or in F32. */
export function encodedBytes(type: string, shape: readonly number[]): number {
  const { blockElements, blockBytes } = blockTypes[type] ??
    { blockElements: 1, blockBytes: byteSize(dtypeOf(type)) };
  return elements(shape) / blockElements * blockBytes;
}

/** Bits of a number in such a type, or in F32. */
export const bitsOf = (type: string): number => encodedBytes(type, [SUPERBLOCK]) * 8 / SUPERBLOCK;

/** Numbers of the longest block. */
export const SUPERBLOCK = 256;

/** Whether a tensor stored in blocks has no more bits than a type: it keeps its own, since rounding it again would only add errors. */
export const isAsCoarse = (stored: string | undefined, type: string): boolean =>
  stored !== undefined && Object.hasOwn(blockTypes, stored) && bitsOf(stored) <= bitsOf(type);

const dtypeOf = (type: string) => type.toLowerCase() as DType;

/** The bytes of a tensor of floats in such a type, or in F32; those of a tensor of that type are not copied. Blocks may be weighed. */
export function encoded(
  type: string,
  tensor: Tensor,
  importance?: RowRounding["importance"],
): Uint8Array<ArrayBuffer> {
  if (dtypeOf(type) === tensor.dtype) return bytesOf(tensor.data);
  const numbers = toFloat32(tensor);
  if (type === "F16") return bytesOf(new Uint16Array(Float16Array.from(numbers).buffer));
  if (type === "BF16") return bytesOf(Uint16Array.from(new Uint32Array(numbers.slice().buffer), upperHalf));
  const bytes = new Uint8Array(encodedBytes(type, tensor.shape));
  encodeBlocks(type, numbers, tensor.shape.at(-1)!, bytes, importance);
  return bytes;
}

/** The upper half of a float32, rounded to the nearest; of two such, to the even one. */
const upperHalf = (bits: number): number => bits + 0x7fff + (bits >>> 16 & 1) >>> 16;

/** A tensor of floats as it is read again from such a type: blocks come as float32. */
export function rounded(type: string, tensor: Tensor, importance?: RowRounding["importance"]): Tensor {
  return readTensor(type, tensor.shape, encoded(type, tensor, importance));
}

/** A tensor of those bytes. */
export function readTensor(type: string, shape: readonly number[], bytes: Uint8Array<ArrayBuffer>): Tensor {
  if (!Object.hasOwn(blockTypes, type)) {
    const dtype = dtypeOf(type);
    return { dtype, shape, data: viewOf(dtype, bytes.buffer, bytes.byteOffset, elements(shape)) };
  }
  const numbers = new Float32Array(elements(shape));
  blockTypes[type].decode(bytes, numbers);
  return float32(shape, numbers);
}

/** The smallest type in the place of one that holds a tensor as it is, since it was rounded to that; else F32. */
export function exactType(type: string, tensor: Tensor): string {
  const first = cutTensor(tensor, { axis: 0, start: 0, end: 1 }); // what was not rounded differs at once
  const isExact = (name: string) =>
    [first, tensor].every((part) => {
      const [own, read] = [toFloat32(part), toFloat32(rounded(name, part))];
      return own.every((number, i) => number === read[i]);
    });
  return typesFor(type, tensor.shape.at(-1)!).find(isExact) ?? "F32";
}
