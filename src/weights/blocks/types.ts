/**
 * GGML's types of blocks by name, and the decoders of those whose four bits are an index into a table of values. They equal Python
 * `gguf` bit for bit: products are exact in float32 (11 significant bits, 6 of a sub-scale, 7 of a value), as in dequantize.ts.
 */
import { type Blocks, half } from "./dequantize.ts";
import * as decode from "./dequantize.ts";

export const blockTypes: Readonly<Record<string, Blocks>> = {
  Q4_0: { blockElements: 32, blockBytes: 18, decode: decode.q4_0 },
  Q4_1: { blockElements: 32, blockBytes: 20, decode: decode.q4_1 },
  Q5_0: { blockElements: 32, blockBytes: 22, decode: decode.q5_0 },
  Q5_1: { blockElements: 32, blockBytes: 24, decode: decode.q5_1 },
  Q8_0: { blockElements: 32, blockBytes: 34, decode: decode.q8_0 },
  Q2_K: { blockElements: 256, blockBytes: 84, decode: decode.q2_k },
  Q3_K: { blockElements: 256, blockBytes: 110, decode: decode.q3_k },
  Q4_K: { blockElements: 256, blockBytes: 144, decode: decode.q4_k },
  Q5_K: { blockElements: 256, blockBytes: 176, decode: decode.q5_k },
  Q6_K: { blockElements: 256, blockBytes: 210, decode: decode.q6_k },
  IQ4_NL: { blockElements: 32, blockBytes: 18, decode: iq4_nl },
  IQ4_XS: { blockElements: 256, blockBytes: 136, decode: iq4_xs },
  MXFP4: { blockElements: 32, blockBytes: 17, decode: mxfp4 },
};

/** Values of IQ4_NL and IQ4_XS, closer together around zero. */
export const NON_LINEAR = Float32Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
);

/** Twice the values of a float of 4 bits (sign, two of exponent, one of mantissa). */
export const E2M1 = Float32Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** Half of the power of two that a byte of exponent stands for. */
export const HALF_POWER = Float32Array.from({ length: 256 }, (_, exponent) => 2 ** (exponent - 128));

/** d f16 · 16 bytes of indices; value = d · table. */
function iq4_nl(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 18, o += 32) {
    const d = half[source[b] | source[b + 1] << 8];
    indexed(source, b + 2, NON_LINEAR, d, out, o);
  }
}

/** d f16 · 8 upper bit pairs of scales · 4 bytes of their nibbles · 128 of indices; value = d · (scale − 32) · table, per 32. */
function iq4_xs(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 136) {
    const d = half[source[b] | source[b + 1] << 8];
    const pairs = source[b + 2] | source[b + 3] << 8;
    for (let i = 0; i < 8; i++, o += 32) {
      const low = source[b + 4 + (i >> 1)] >> 4 * (i & 1) & 15;
      const scale = low | (pairs >> 2 * i & 3) << 4;
      indexed(source, b + 8 + 16 * i, NON_LINEAR, d * (scale - 32), out, o);
    }
  }
}

/** A byte of exponent · 16 bytes of indices; value = 2^(exponent − 128) · table. */
function mxfp4(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 17, o += 32) {
    indexed(source, b + 1, E2M1, HALF_POWER[source[b]], out, o);
  }
}

/** 32 values: the low halves of 16 bytes, then the high ones. */
function indexed(
  source: Uint8Array,
  at: number,
  table: Float32Array,
  scale: number,
  out: Float32Array,
  o: number,
): void {
  for (let j = 0; j < 16; j++) {
    const byte = source[at + j];
    out[o + j] = scale * table[byte & 15];
    out[o + j + 16] = scale * table[byte >> 4];
  }
}
