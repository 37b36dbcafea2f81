/**
 * GGML's blocks as matrices in blocks: the same quants, in the order of `MatMulNBits`, and the scales as float32. Nothing is rounded:
 * a scale is a float16 times a sub-scale of at most 8 bits, an offset a float16 times one of 6, and float32 holds both (dequantize.ts);
 * the widened numbers are the decoder's, bit for bit.
 *
 * A type's quants keep their value but for a shift: `zero` is the quant that means 0. Types with a minimum have it as an offset. The
 * types whose four bits are an index have the indexed value as a quant of eight bits, since `MatMulNBits` knows no tables.
 */
import type { BlockFormat } from "../../tensor/mod.ts";
import { q2_k, q3_k, q4_0, q4_1, q4_k } from "./repack4.ts";
import { iq4_nl, iq4_xs, mxfp4, q5_0, q5_1, q5_k, q6_k, q8_0 } from "./repack8.ts";
import type { Repack } from "./words.ts";

/** How a type's blocks are a matrix. */
export interface Repacking extends BlockFormat {
  readonly zero: number;
  readonly repack: Repack;
}

const four = { bits: 4, size: 32, hasOffsets: false, zero: 8 } as const;
const eight = { bits: 8, size: 32, hasOffsets: false, zero: 128 } as const;
/** Of types with a minimum. */
const offset = { hasOffsets: true, zero: 0 } as const;

/** By the type's name. */
export const repackings: Readonly<Record<string, Repacking>> = {
  Q4_0: { ...four, repack: q4_0 },
  Q4_1: { ...four, ...offset, repack: q4_1 },
  Q5_0: { ...eight, repack: q5_0 },
  Q5_1: { ...eight, ...offset, repack: q5_1 },
  Q8_0: { ...eight, repack: q8_0 },
  Q2_K: { ...four, ...offset, size: 16, repack: q2_k },
  Q3_K: { ...four, size: 16, repack: q3_k },
  Q4_K: { ...four, ...offset, repack: q4_k },
  Q5_K: { ...eight, ...offset, repack: q5_k },
  Q6_K: { ...eight, size: 16, repack: q6_k },
  IQ4_NL: { ...eight, repack: iq4_nl },
  IQ4_XS: { ...eight, repack: iq4_xs },
  MXFP4: { ...eight, repack: mxfp4 },
};
