/** Types whose quants have at most four bits. Layouts: dequantize.ts; there, `b` is a byte, here a pair of bytes. */
import { half } from "./dequantize.ts";
import { pairsOf, type Repack, wordAt, wordsOf, writeScalesK } from "./words.ts";

export const q4_0: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 9, i++) {
    scales[i] = half[pairs[b]];
    writeHalves(pairs, b + 1, words, 4 * i, 4 * i + 2);
    writeHalves(pairs, b + 5, words, 4 * i + 1, 4 * i + 3);
  }
};

export const q4_1: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales, offsets } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 10, i++) {
    scales[i] = half[pairs[b]];
    offsets![i] = half[pairs[b + 1]];
    writeHalves(pairs, b + 2, words, 4 * i, 4 * i + 2);
    writeHalves(pairs, b + 6, words, 4 * i + 1, 4 * i + 3);
  }
};

export const q4_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to);
  for (let b = 0, i = 0, w = 0; b < pairs.length; b += 72, i += 8) {
    writeScalesK(source, 2 * b, to, i);
    for (let p = b + 8; p < b + 72; p += 16, w += 8) { // 64 values
      writeHalves(pairs, p, words, w, w + 4);
      writeHalves(pairs, p + 4, words, w + 1, w + 5);
      writeHalves(pairs, p + 8, words, w + 2, w + 6);
      writeHalves(pairs, p + 12, words, w + 3, w + 7);
    }
  }
};

export const q2_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales, offsets } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 42) {
    const d = half[pairs[b + 40]], dmin = half[pairs[b + 41]];
    for (let sub = 0; sub < 16; sub++, i++) {
      const byte = source[2 * b + sub];
      scales[i] = d * (byte & 15);
      offsets![i] = -(dmin * (byte >> 4));
      const p = b + 8 + 16 * (sub >> 3) + 8 * (sub & 1), shift = sub & 6;
      words[2 * i] = packed(wordAt(pairs, p) >>> shift & 0x03030303) |
        packed(wordAt(pairs, p + 2) >>> shift & 0x03030303) << 16;
      words[2 * i + 1] = packed(wordAt(pairs, p + 4) >>> shift & 0x03030303) |
        packed(wordAt(pairs, p + 6) >>> shift & 0x03030303) << 16;
    }
  }
};

/** The quants q − 4 with a zero of 8, as the symmetrical ones of four bits have it. */
export const q3_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 55) {
    const d = half[pairs[b + 54]], bytes = 2 * b + 96;
    for (let sub = 0; sub < 16; sub++, i++) {
      const low = source[bytes + (sub & 7)] >> 4 * (sub >> 3) & 15,
        high = source[bytes + 8 + (sub & 3)] >> 2 * (sub >> 2) & 3;
      scales[i] = d * ((low | high << 4) - 32);
      const p = b + 16 + 16 * (sub >> 3) + 8 * (sub & 1), shift = sub & 6;
      const thirds = b + 8 * (sub & 1), bit = sub >> 1;
      words[2 * i] = packed(threeBits(pairs, p, shift, thirds, bit)) |
        packed(threeBits(pairs, p + 2, shift, thirds + 2, bit)) << 16;
      words[2 * i + 1] = packed(threeBits(pairs, p + 4, shift, thirds + 4, bit)) |
        packed(threeBits(pairs, p + 6, shift, thirds + 6, bit)) << 16;
    }
  }
};

/** Four quants of Q3_K, each in a byte, and 4 more. */
function threeBits(pairs: Uint16Array, p: number, shift: number, thirds: number, bit: number): number {
  const low = wordAt(pairs, p) >>> shift & 0x03030303;
  return (low | (wordAt(pairs, thirds) >>> bit & 0x01010101) << 2) + 0x04040404;
}

/** Eight bytes: the word of their lower halves, and that of their upper ones. */
function writeHalves(pairs: Uint16Array, at: number, words: Uint32Array, low: number, high: number): void {
  const first = parted(wordAt(pairs, at)), second = parted(wordAt(pairs, at + 2));
  words[low] = first & 0xffff | second << 16;
  words[high] = first >>> 16 | second & 0xffff0000;
}

/** Four bytes with the lower halves of all before the upper ones. */
function parted(word: number): number {
  const halves = (word ^ word >>> 4) & 0x00f000f0; // swaps the two in the middle of each pair of bytes
  const next = word ^ halves ^ halves << 4;
  const bytes = (next ^ next >>> 8) & 0x0000ff00; // and those of the four
  return next ^ bytes ^ bytes << 8;
}

/** Four bytes below 16 as 16 bits. */
function packed(word: number): number {
  const two = (word | word >>> 4) & 0x00ff00ff;
  return (two | two >>> 8) & 0xffff;
}
