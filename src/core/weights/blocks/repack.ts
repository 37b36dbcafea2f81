/**
 * GGML's blocks as matrices in blocks: the same quants, in the order of `MatMulNBits`, and the scales as float32. Nothing is rounded: a
 * scale is a float16 (11 significant bits) times a sub-scale of at most 8, an offset a float16 times one of 6. A quant has at most 7 bits
 * beside such a scale, 24 in all, so that float32 holds each product, and the widened numbers are those of Python `gguf`, bit for bit.
 *
 * A type's quants keep their value but for a shift: `zero` is the quant that means 0. Types with a minimum have it as an offset. The
 * types whose four bits are an index have the indexed value as a quant of eight bits, since `MatMulNBits` knows no tables.
 */
import { half, pairsOf, type Repack, wordAt, wordsOf, writeScalesK } from "./repack4.ts";

/** d f16 · m f16 unless symmetrical · 32 fifth bits · 16 bytes of nibbles; value = d · q + m, or d · (q − 16) with a zero of 128. */
function fifthBits(isSymmetrical: boolean): Repack {
  const head = isSymmetrical ? 3 : 4, shift = isSymmetrical ? 0x70707070 : 0;
  return (source, to) => {
    const pairs = pairsOf(source), words = wordsOf(to), { scales, offsets } = to;
    for (let b = 0, i = 0; b < pairs.length; b += head + 8, i++) {
      scales[i] = half[pairs[b]];
      if (!isSymmetrical) offsets![i] = half[pairs[b + 1]];
      const fifths = wordAt(pairs, b + head - 2);
      for (let k = 0; k < 4; k++) {
        const word = wordAt(pairs, b + head + 2 * k);
        words[8 * i + k] = (word & 0x0f0f0f0f | sixteens(fifths >>> 4 * k)) + shift;
        words[8 * i + 4 + k] = (word >>> 4 & 0x0f0f0f0f | sixteens(fifths >>> 16 + 4 * k)) + shift;
      }
    }
  };
}

export const q5_0 = fifthBits(true);
export const q5_1 = fifthBits(false);

/** The lowest four bits, each as the fifth of a byte. */
const sixteens = (bits: number): number => ((bits & 15) * 0x00204081 & 0x01010101) << 4;

/** d f16 · 32 signed bytes; value = d · q. */
export const q8_0: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 17, i++) {
    scales[i] = half[pairs[b]];
    for (let k = 0; k < 8; k++) words[8 * i + k] = wordAt(pairs, b + 1 + 2 * k) ^ 0x80808080;
  }
};

/** As Q4_K, with 32 bytes before the nibbles: bit i of byte j is the fifth bit of value j of sub-block i. */
export const q5_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to);
  for (let b = 0, i = 0, w = 0; b < pairs.length; b += 88, i += 8) {
    writeScalesK(source, 2 * b, to, i);
    for (let pair = 0; pair < 4; pair++, w += 16) {
      for (let k = 0; k < 8; k++) {
        const word = wordAt(pairs, b + 24 + 16 * pair + 2 * k);
        const fifths = wordAt(pairs, b + 8 + 2 * k) >>> 2 * pair;
        words[w + k] = word & 0x0f0f0f0f | (fifths & 0x01010101) << 4;
        words[w + 8 + k] = word >>> 4 & 0x0f0f0f0f | (fifths & 0x02020202) << 3;
      }
    }
  }
};

/** 128 bytes of nibbles · 64 of upper bit pairs · 16 signed scales · d f16; value = d · scale · (q − 32), per 16 values. */
export const q6_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  const signed = new Int8Array(source.buffer, source.byteOffset, source.length);
  for (let b = 0, i = 0, w = 0; b < pairs.length; b += 105) {
    const d = half[pairs[b + 104]];
    for (let sub = 0; sub < 16; sub++, i++) scales[i] = d * signed[2 * b + 192 + sub];
    for (let part = 0; part < 2; part++, w += 32) {
      const nibbles = b + 32 * part, twos = b + 64 + 16 * part;
      for (let k = 0; k < 8; k++) {
        const near = wordAt(pairs, nibbles + 2 * k), far = wordAt(pairs, nibbles + 16 + 2 * k);
        const two = wordAt(pairs, twos + 2 * k);
        words[w + k] = (near & 0x0f0f0f0f | (two & 0x03030303) << 4) + 0x60606060;
        words[w + 8 + k] = (far & 0x0f0f0f0f | (two & 0x0c0c0c0c) << 2) + 0x60606060;
        words[w + 16 + k] = (near >>> 4 & 0x0f0f0f0f | two & 0x30303030) + 0x60606060;
        words[w + 24 + k] = (far >>> 4 & 0x0f0f0f0f | (two & 0xc0c0c0c0) >>> 2) + 0x60606060;
      }
    }
  }
};

/** Values of IQ4_NL and IQ4_XS, closer together around zero. */
export const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** Twice the values of a float of 4 bits (sign, two of exponent, one of mantissa). */
export const E2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** Half of the power of two that a byte of exponent stands for. */
const HALF_POWER = Float32Array.from({ length: 256 }, (_, exponent) => 2 ** (exponent - 128));

/** The quants of a byte's two indices, the lower one's first. */
function quantsOf(table: readonly number[]): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => table[byte & 15] + 128 | table[byte >> 4] + 128 << 8);
}
const nonLinear = quantsOf(NON_LINEAR), e2m1 = quantsOf(E2M1);

/** d f16 · 16 bytes of indices; value = d · table. */
export const iq4_nl: Repack = (source, { quants, scales }) => {
  for (let b = 0, i = 0; b < source.length; b += 18, i++) {
    scales[i] = half[source[b] | source[b + 1] << 8];
    writeIndexed(source, b + 2, nonLinear, quants, 32 * i);
  }
};

/** d f16 · 8 upper bit pairs of scales · 4 bytes of their nibbles · 128 of indices; value = d · (scale − 32) · table, per 32. */
export const iq4_xs: Repack = (source, { quants, scales }) => {
  for (let b = 0, i = 0; b < source.length; b += 136) {
    const d = half[source[b] | source[b + 1] << 8];
    const pairs = source[b + 2] | source[b + 3] << 8;
    for (let sub = 0; sub < 8; sub++, i++) {
      const low = source[b + 4 + (sub >> 1)] >> 4 * (sub & 1) & 15;
      scales[i] = d * ((low | (pairs >> 2 * sub & 3) << 4) - 32);
      writeIndexed(source, b + 8 + 16 * sub, nonLinear, quants, 32 * i);
    }
  }
};

/** A byte of exponent · 16 bytes of indices; value = 2^(exponent − 128) · table. */
export const mxfp4: Repack = (source, { quants, scales }) => {
  for (let b = 0, i = 0; b < source.length; b += 17, i++) {
    scales[i] = HALF_POWER[source[b]];
    writeIndexed(source, b + 1, e2m1, quants, 32 * i);
  }
};

/** 32 values: the low halves of 16 bytes, then the high ones. */
function writeIndexed(source: Uint8Array, at: number, table: Uint16Array, quants: Uint8Array, to: number) {
  for (let j = 0; j < 16; j++) {
    const both = table[source[at + j]];
    quants[to + j] = both;
    quants[to + j + 16] = both >> 8;
  }
}
