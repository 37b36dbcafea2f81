/**
 * Rounds float32 to what a file can hold: 16 bits, or blocks of 32 numbers that share a float16 scale d and, in Q4_1 and Q5_1, an
 * offset m. The scale maps a block's extreme numbers to the ends of the range, as llama.cpp's `quantize_row_q8_0_ref` and its like do.
 * Rounding again changes nothing.
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
import { half } from "./repack4.ts";
import { blockTypes } from "./types.ts";

/** Rounds the 32 numbers of a block into its bytes. */
type Encode = (numbers: Float32Array, block: DataView) => void;

const encoders: Readonly<Record<string, Encode>> = {
  Q4_0: symmetric(4),
  Q5_0: symmetric(5),
  Q4_1: asymmetric(4),
  Q5_1: asymmetric(5),
  Q8_0(numbers, block) {
    const d = put(block, 0, below(Math.abs(furthest(numbers)) / 127));
    for (let j = 0; j < 32; j++) block.setInt8(2 + j, nearest(numbers[j] / d, -127, 127));
  },
};

/** d, the number furthest from zero at the lower end of the range. */
function symmetric(bits: 4 | 5): Encode {
  const least = -(2 ** (bits - 1));
  return (numbers, block) => {
    const d = put(block, 0, below(furthest(numbers) / least));
    pack(bits, block, (j) => nearest(numbers[j] / d, least, -least - 1) - least);
  };
}

/** d and m, the smallest number and the largest at the ends. */
function asymmetric(bits: 4 | 5): Encode {
  const most = 2 ** bits - 1;
  return (numbers, block) => {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const [d, m] = [put(block, 0, (high - low) / most), put(block, 2, low)];
    pack(bits, block, (j) => nearest((numbers[j] - m) / d, 0, most));
  };
}

/** Puts quants at the end of a block: fifth bits in their order, then the first 16 in the lower halves of bytes, the others in the upper. */
function pack(bits: 4 | 5, block: DataView, quantOf: (j: number) => number): void {
  const at = block.byteLength - 16;
  const quants = Array.from({ length: 32 }, (_, j) => quantOf(j));
  for (let j = 0; j < 16; j++) block.setUint8(at + j, quants[j] & 15 | (quants[j + 16] & 15) << 4);
  if (bits === 5) block.setUint32(at - 4, quants.reduce((all, quant, j) => all | quant >> 4 << j, 0), true);
}

/** The number of a block that is furthest from zero. */
const furthest = (numbers: Float32Array): number =>
  numbers.reduce((most, number) => Math.abs(number) > Math.abs(most) ? number : most, 0);

/** A float16 that is no further from zero, so that the furthest number of a block is the same at the end of its range. */
function below(scale: number): number {
  const found = Math.f16round(scale);
  if (Math.abs(found) <= Math.abs(scale)) return found || 0; // zero has no sign
  const [bits] = new Uint16Array(Float16Array.of(found).buffer);
  return half[bits - 1] || 0;
}

function put(block: DataView, at: number, value: number): number {
  block.setFloat16(at, value, true);
  return block.getFloat16(at, true);
}

/** A whole number; 0 where the scale is 0. */
const nearest = (value: number, least: number, most: number): number =>
  Number.isFinite(value) ? Math.min(Math.max(Math.round(value), least), most) : 0;

/**
 * Lists the types that can replace a matrix's own type in a file, smallest first, for rows of `columns` numbers: blocks give way to blocks of the
 * same type, Q8_0 or F16, and 16 bits stay. F32 has none, since no type is as exact.
 */
export function typesFor(type: string, columns: number): string[] {
  if (!Object.hasOwn(blockTypes, type)) return ["F16", "BF16"].includes(type) ? [type] : [];
  const fitting = columns % 32 === 0 ? [type, "Q8_0"] : [];
  return [...new Set(fitting)].filter((name) => Object.hasOwn(encoders, name)).concat("F16");
}

/** Bytes of a tensor in such a type, or in F32. */
export function encodedBytes(type: string, shape: readonly number[]): number {
  const { blockElements, blockBytes } = blockTypes[type] ??
    { blockElements: 1, blockBytes: byteSize(dtypeOf(type)) };
  return elements(shape) / blockElements * blockBytes;
}

const dtypeOf = (type: string) => type.toLowerCase() as DType;

/** The bytes of a tensor of floats in such a type, or in F32; those of a tensor of that type are not copied. */
export function encoded(type: string, tensor: Tensor): Uint8Array<ArrayBuffer> {
  if (dtypeOf(type) === tensor.dtype) return bytesOf(tensor.data);
  const numbers = toFloat32(tensor);
  if (type === "F16") return bytesOf(new Uint16Array(Float16Array.from(numbers).buffer));
  if (type === "BF16") return bytesOf(Uint16Array.from(new Uint32Array(numbers.slice().buffer), upperHalf));
  const { blockElements, blockBytes } = blockTypes[type];
  const bytes = new Uint8Array(encodedBytes(type, tensor.shape));
  for (let at = 0, b = 0; at < bytes.length; at += blockBytes, b += blockElements) {
    encoders[type](numbers.subarray(b, b + blockElements), new DataView(bytes.buffer, at, blockBytes));
  }
  return bytes;
}

/** The upper half of a float32, rounded to the nearest; of two such, to the even one. */
const upperHalf = (bits: number): number => bits + 0x7fff + (bits >>> 16 & 1) >>> 16;

/** A tensor of floats as it is read again from such a type: blocks come as float32. */
export function rounded(type: string, tensor: Tensor): Tensor {
  const { shape } = tensor;
  const bytes = encoded(type, tensor);
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
