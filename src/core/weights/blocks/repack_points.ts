/**
 * GGML's IQ types of three bits and less as matrices in blocks: an index stands for eight or four numbers (points.ts), whose signs are bits
 * beside it. Their products with a scale are exact in float32: a float16 times at most five bits, times six of a point.
 */
import { points } from "./points.ts";
import { half, pairsOf, type Repack, wordAt } from "./repack4.ts";

/** Signs of eight numbers by their first seven bits: an even number of them is negative. */
const evenSigns = Uint8Array.from({ length: 128 }, (_, bits) => {
  let parity = bits;
  for (const shift of [4, 2, 1]) parity ^= parity >> shift;
  return bits | (parity & 1) << 7;
});

/** Writes the numbers of a point, those negated that have a bit. */
function writePoint(
  table: Int8Array,
  size: 4 | 8,
  index: number,
  signs: number,
  to: Uint8Array,
  at: number,
): void {
  for (let j = 0, from = size * index; j < size; j++) {
    const number = table[from + j];
    to[at + j] = 128 + (signs >> j & 1 ? -number : number);
  }
}

/** d f16 · per 32 values four indices of bytes, four times seven bits of signs, a scale of four; value = d · (2 · scale + 1) / 8 · point. */
export const iq2_xxs: Repack = (source, { quants, scales }) => {
  const pairs = pairsOf(source);
  for (let b = 0, i = 0; b < pairs.length; b += 33) {
    for (let sub = 0; sub < 8; sub++, i++) {
      const at = b + 1 + 4 * sub, word = wordAt(pairs, at + 2);
      scales[i] = half[pairs[b]] * (2 * (word >>> 28) + 1) / 8;
      for (let l = 0; l < 4; l++) {
        const index = source[2 * at + l];
        writePoint(points.IQ2_XXS, 8, index, evenSigns[word >>> 7 * l & 127], quants, 32 * i + 8 * l);
      }
    }
  }
};

/** d f16 · 32 times nine bits of index and seven of signs · 16 scales of four; value as that of IQ2_XXS, per 16 values. */
export const iq2_xs: Repack = (source, { quants, scales }) => {
  const pairs = pairsOf(source);
  for (let b = 0, i = 0; b < pairs.length; b += 37) {
    for (let sub = 0; sub < 16; sub++, i++) {
      const scale = source[2 * b + 66 + (sub >> 1)] >> 4 * (sub & 1) & 15;
      scales[i] = half[pairs[b]] * (2 * scale + 1) / 8;
      for (let l = 0; l < 2; l++) {
        const both = pairs[b + 1 + 2 * sub + l];
        writePoint(points.IQ2_XS, 8, both & 511, evenSigns[both >> 9], quants, 16 * i + 8 * l);
      }
    }
  }
};

/** d f16 · 32 lower bytes of indices · 32 bytes of signs · 8 of upper bit pairs · 16 scales of four; value as that of IQ2_XXS, per 16. */
export const iq2_s: Repack = (source, { quants, scales }) => {
  for (let b = 0, i = 0; b < source.length; b += 82) {
    const d = half[source[b] | source[b + 1] << 8];
    for (let sub = 0; sub < 16; sub++, i++) {
      const scale = source[b + 74 + (sub >> 1)] >> 4 * (sub & 1) & 15;
      scales[i] = d * (2 * scale + 1) / 8;
      for (let l = 0; l < 2; l++) {
        const at = 2 * sub + l, upper = source[b + 66 + (at >> 2)] >> 2 * (at & 3) & 3;
        const index = source[b + 2 + at] | upper << 8;
        writePoint(points.IQ2_S, 8, index, source[b + 34 + at], quants, 16 * i + 8 * l);
      }
    }
  }
};

/** d f16 · 64 indices · per 32 values four times seven bits of signs and a scale of four; value = d · (2 · scale + 1) / 4 · point. */
export const iq3_xxs: Repack = (source, { quants, scales }) => {
  const pairs = pairsOf(source);
  for (let b = 0, i = 0; b < pairs.length; b += 49) {
    for (let sub = 0; sub < 8; sub++, i++) {
      const word = wordAt(pairs, b + 33 + 2 * sub);
      scales[i] = half[pairs[b]] * (2 * (word >>> 28) + 1) / 4;
      for (let l = 0; l < 8; l++) {
        const signs = evenSigns[word >>> 7 * (l >> 1) & 127] >> 4 * (l & 1);
        writePoint(points.IQ3_XXS, 4, source[2 * b + 2 + 8 * sub + l], signs, quants, 32 * i + 4 * l);
      }
    }
  }
};

/** d f16 · 64 lower bytes of indices · 64 ninth bits · 32 bytes of signs · 8 scales of four; value = d · (2 · scale + 1) · point, per 32. */
export const iq3_s: Repack = (source, { quants, scales }) => {
  for (let b = 0, i = 0; b < source.length; b += 110) {
    const d = half[source[b] | source[b + 1] << 8];
    for (let sub = 0; sub < 8; sub++, i++) {
      scales[i] = d * (2 * (source[b + 106 + (sub >> 1)] >> 4 * (sub & 1) & 15) + 1);
      for (let l = 0; l < 8; l++) {
        const index = source[b + 2 + 8 * sub + l] | (source[b + 66 + sub] >> l & 1) << 8;
        const signs = source[b + 74 + 4 * sub + (l >> 1)] >> 4 * (l & 1);
        writePoint(points.IQ3_S, 4, index, signs, quants, 32 * i + 4 * l);
      }
    }
  }
};

/** Writes eight numbers of a point of −1, 0 and 1, moved by an eighth, as whole eighths. */
function writeMoved(index: number, isDown: boolean, to: Uint8Array, at: number): void {
  const moved = 128 + (isDown ? -1 : 1);
  for (let j = 0; j < 8; j++) to[at + j] = 8 * points.IQ1_S[8 * index + j] + moved;
}

/** d f16 · 32 lower bytes of indices · per 32 values four times three upper bits, a scale of three, a sign; value = d · (2 · scale + 1) · moved. */
export const iq1_s: Repack = (source, { quants, scales }) => {
  const pairs = pairsOf(source);
  for (let b = 0, i = 0; b < pairs.length; b += 25) {
    for (let sub = 0; sub < 8; sub++, i++) {
      const upper = pairs[b + 17 + sub];
      scales[i] = half[pairs[b]] * (2 * (upper >> 12 & 7) + 1) / 8;
      for (let l = 0; l < 4; l++) {
        const index = source[2 * b + 2 + 4 * sub + l] | (upper >> 3 * l & 7) << 8;
        writeMoved(index, upper > 0x7fff, quants, 32 * i + 8 * l);
      }
    }
  }
};

/**
 * 32 lower bytes of indices · 32 nibbles of three upper bits and a sign · 16 scales of three in four pairs of bytes, whose upper nibbles are the
 * float16 d; value as that of IQ1_S, per 16 values.
 */
export const iq1_m: Repack = (source, { quants, scales }) => {
  const pairs = pairsOf(source);
  for (let b = 0, i = 0; b < pairs.length; b += 28) {
    const at = b + 24;
    const d = half[
      pairs[at] >> 12 | pairs[at + 1] >> 8 & 0xf0 | pairs[at + 2] >> 4 & 0xf00 | pairs[at + 3] & 0xf000
    ];
    for (let sub = 0; sub < 16; sub++, i++) {
      scales[i] = d * (2 * (pairs[at + (sub >> 2)] >> 3 * (sub & 3) & 7) + 1) / 8;
      const nibbles = source[2 * b + 32 + sub];
      for (let l = 0; l < 2; l++) {
        const nibble = nibbles >> 4 * l & 15;
        const index = source[2 * b + 2 * sub + l] | (nibble & 7) << 8;
        writeMoved(index, nibble > 7, quants, 16 * i + 8 * l);
      }
    }
  }
};
