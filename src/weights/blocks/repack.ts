/**
 * GGML's blocks as matrices in blocks: the same quants, in the order of `MatMulNBits`, and the scales as float32. Nothing is rounded:
 * a scale is a float16 times a sub-scale of at most 8 bits, an offset a float16 times one of 6, and float32 holds both (dequantize.ts);
 * the widened numbers are the decoder's, bit for bit.
 *
 * A type's quants keep their value but for a shift: `zero` is the quant that means 0. Types with a minimum have it as an offset. The
 * types whose four bits are an index have the indexed value as a quant of eight bits, since `MatMulNBits` knows no tables.
 */
import type { BlockFormat } from "../../tensor/mod.ts";
import {
  pairsOf,
  q2_k,
  q3_k,
  q4_0,
  q4_1,
  q4_k,
  type Repack,
  wordAt,
  wordsOf,
  writeScalesK,
} from "./repack4.ts";
import { half } from "./dequantize.ts";
import { E2M1, HALF_POWER, NON_LINEAR } from "./types.ts";

/** Five bits with 32 of them apart. Symmetrical ones are q − 16 with a zero of 128. */
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
function sixteens(bits: number): number {
  return ((bits & 15) * 0x00204081 & 0x01010101) << 4;
}

export const q8_0: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 17, i++) {
    scales[i] = half[pairs[b]];
    for (let k = 0; k < 8; k++) words[8 * i + k] = wordAt(pairs, b + 1 + 2 * k) ^ 0x80808080;
  }
};

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

/** The quants of a byte's two indices, the lower one's first. */
function quantsOf(table: Float32Array): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => table[byte & 15] + 128 | table[byte >> 4] + 128 << 8);
}
const nonLinear = quantsOf(NON_LINEAR), e2m1 = quantsOf(E2M1);

export const iq4_nl: Repack = (source, { quants, scales }) => {
  for (let b = 0, i = 0; b < source.length; b += 18, i++) {
    scales[i] = half[source[b] | source[b + 1] << 8];
    writeIndexed(source, b + 2, nonLinear, quants, 32 * i);
  }
};

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

/** How a type's blocks are a matrix. */
export interface Repacking extends BlockFormat {
  readonly zero: number;
  readonly repack: Repack;
}

const four = { bits: 4, size: 32, hasOffsets: false, zero: 8 } as const;
const eight = { bits: 8, size: 32, hasOffsets: false, zero: 128 } as const;
/** Of types with a minimum. */
const offset = { hasOffsets: true, zero: 0 } as const;

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
