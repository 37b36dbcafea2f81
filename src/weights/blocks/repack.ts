/**
 * GGML's blocks as matrices in blocks: the same quants, in the order of `MatMulNBits`, and the scales as float32. Nothing is rounded:
 * products of a float16 and a sub-scale are float32 numbers (dequantize.ts).
 *
 * A type's quants keep their value but for a shift: `zero` is the quant that means 0. Types with a minimum have it as an offset.
 */
import type { BlockFormat } from "../../tensor/mod.ts";
import { half } from "./dequantize.ts";

/** Where blocks go: the arrays of a `BlockMatrix`. */
export interface Repacked {
  readonly quants: Uint8Array;
  readonly scales: Float32Array;
  readonly offsets: Float32Array | null;
}

/** How a type's blocks are a matrix. */
export interface Repacking extends BlockFormat {
  readonly zero: number;
  /** Writes all blocks of `source` to the start of the arrays. */
  repack(source: Uint8Array<ArrayBuffer>, to: Repacked): void;
}

/** 16 bytes that have values 0 … 15 in their lower halves and 16 … 31 in their upper ones, as pairs of neighbours. */
function interleave(source: Uint8Array, at: number, quants: Uint8Array, to: number): void {
  for (let j = 0; j < 8; j++) {
    const first = source[at + 2 * j], second = source[at + 2 * j + 1];
    quants[to + j] = first & 15 | (second & 15) << 4;
    quants[to + 8 + j] = first >> 4 | second & 240;
  }
}

const q4_0: Repacking = {
  bits: 4,
  size: 32,
  hasOffsets: false,
  zero: 8,
  repack(source, { quants, scales }) {
    for (let b = 0, i = 0; b < source.length; b += 18, i++) {
      scales[i] = half[source[b] | source[b + 1] << 8];
      interleave(source, b + 2, quants, 16 * i);
    }
  },
};

const q4_1: Repacking = {
  bits: 4,
  size: 32,
  hasOffsets: true,
  zero: 0,
  repack(source, { quants, scales, offsets }) {
    for (let b = 0, i = 0; b < source.length; b += 20, i++) {
      scales[i] = half[source[b] | source[b + 1] << 8];
      offsets![i] = half[source[b + 2] | source[b + 3] << 8];
      interleave(source, b + 4, quants, 16 * i);
    }
  },
};

const q8_0: Repacking = {
  bits: 8,
  size: 32,
  hasOffsets: false,
  zero: 128,
  repack(source, { quants, scales }) {
    for (let b = 0, i = 0; b < source.length; b += 34, i++) {
      scales[i] = half[source[b] | source[b + 1] << 8];
      for (let j = 0; j < 32; j++) quants[32 * i + j] = source[b + 2 + j] ^ 128;
    }
  },
};

/** By the type's name. */
export const repackings: Readonly<Record<string, Repacking>> = { Q4_0: q4_0, Q4_1: q4_1, Q8_0: q8_0 };
