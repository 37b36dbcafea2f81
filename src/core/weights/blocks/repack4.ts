/**
 * Blocks whose quants have at most four bits, repacked four bytes at a time. All types but MXFP4 have an even number of bytes in a
 * block, so they are read as pairs of bytes (`b`) and written as words of four. Numbers are little-endian, in files and in memory.
 *
 * Layouts: ggml-common.h of llama.cpp. Nibbles: the low halves of a run of bytes are its first values, the high halves its last.
 */
import { aligned } from "../../tensor/mod.ts";

/** Where blocks go: the arrays of a `BlockMatrix`. Quants begin at a multiple of four bytes. */
export interface Repacked {
  readonly quants: Uint8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  /** Null where the type has none. */
  readonly offsets: Float32Array<ArrayBuffer> | null;
}

/** Writes all blocks of `source` to the start of the arrays. */
export type Repack = (source: Uint8Array<ArrayBuffer>, to: Repacked) => void;

/** Float32 value of every float16 bit pattern: one load instead of a conversion per scale (256 KiB). */
export const half = Float32Array.from(
  new Float16Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer),
);

/** Pairs of bytes; a copy where memory does not let them begin. */
export function pairsOf(source: Uint8Array<ArrayBuffer>): Uint16Array {
  const { buffer, byteOffset, length } = aligned(source, 2);
  return new Uint16Array(buffer, byteOffset, length >> 1);
}

export function wordsOf({ quants: { buffer, byteOffset, length } }: Repacked): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length >> 2);
}

/** Four bytes from a pair on. */
export const wordAt = (pairs: Uint16Array, at: number): number => pairs[at] | pairs[at + 1] << 16;

/**
 * Scale i of 8: six bits. The first four are the low six bits of bytes 0–3; of the others, four bits are the low
 * nibbles of bytes 8–11 and two the top of bytes 0–3.
 */
function subScale(source: Uint8Array, at: number, i: number): number {
  return i < 4 ? source[at + i] & 63 : source[at + 4 + i] & 15 | source[at + i - 4] >> 6 << 4;
}

/** Minimum i of 8: as the scales, from bytes 4–7 and the high nibbles of bytes 8–11. */
function subMin(source: Uint8Array, at: number, i: number): number {
  return i < 4 ? source[at + 4 + i] & 63 : source[at + 4 + i] >> 4 | source[at + i] >> 6 << 4;
}

/** The scales and minima of a super-block of Q4_K or Q5_K, which begins at a byte: eight of each from an index on. */
export function writeScalesK(
  source: Uint8Array,
  at: number,
  { scales, offsets }: Repacked,
  to: number,
): void {
  const d = half[source[at] | source[at + 1] << 8], dmin = half[source[at + 2] | source[at + 3] << 8];
  for (let i = 0; i < 8; i++) {
    scales[to + i] = d * subScale(source, at + 4, i);
    offsets![to + i] = -(dmin * subMin(source, at + 4, i));
  }
}

/** d f16 · 16 bytes of nibbles; value = d · (q − 8). */
export const q4_0: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 9, i++) {
    scales[i] = half[pairs[b]];
    writeHalves(pairs, b + 1, words, 4 * i, 4 * i + 2);
  }
};

/** d f16 · m f16 · 16 bytes of nibbles; value = d · q + m. */
export const q4_1: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales, offsets } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 10, i++) {
    scales[i] = half[pairs[b]];
    offsets![i] = half[pairs[b + 1]];
    writeHalves(pairs, b + 2, words, 4 * i, 4 * i + 2);
  }
};

/** d f16 · dmin f16 · 12 bytes of sub-scales · 128 of nibbles; value = d · scale · q − dmin · min, per 32 values. */
export const q4_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to);
  for (let b = 0, i = 0, w = 0; b < pairs.length; b += 72, i += 8) {
    writeScalesK(source, 2 * b, to, i);
    for (let p = b + 8; p < b + 72; p += 16, w += 8) { // 64 values
      writeHalves(pairs, p, words, w, w + 4);
      writeHalves(pairs, p + 8, words, w + 2, w + 6);
    }
  }
};

/** 16 bytes of scale (low half) and minimum · 64 of bit pairs · d f16 · dmin f16; value = d · scale · q − dmin · min, per 16. */
export const q2_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales, offsets } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 42, i += 16) {
    const d = half[pairs[b + 40]], dmin = half[pairs[b + 41]];
    for (let sub = 0; sub < 16; sub++) {
      const byte = source[2 * b + sub];
      scales[i + sub] = d * (byte & 15);
      offsets![i + sub] = -(dmin * (byte >> 4));
    }
    for (let k = 0; k < 8; k++) { // 8 bytes: values of four pairs of sub-blocks
      let first = wordAt(pairs, b + 8 + 4 * k), second = wordAt(pairs, b + 10 + 4 * k);
      for (let w = wordOfPairs(i, k), end = w + 16; w < end; w += 4) {
        words[w] = packed(first & TWO_BITS) | packed(second & TWO_BITS) << 16;
        first >>>= 2;
        second >>>= 2;
      }
    }
  }
};

/**
 * 32 bytes of third bits · 64 of bit pairs · 12 of scales · d f16; value = d · (scale − 32) · (q − 4), per 16. The quants are
 * q − 4 + 8, which have the zero of symmetrical ones.
 */
export const q3_k: Repack = (source, to) => {
  const pairs = pairsOf(source), words = wordsOf(to), { scales } = to;
  for (let b = 0, i = 0; b < pairs.length; b += 55, i += 16) {
    const d = half[pairs[b + 54]], bytes = 2 * b + 96;
    for (let sub = 0; sub < 16; sub++) {
      const low = source[bytes + (sub & 7)] >> 4 * (sub >> 3) & 15,
        high = source[bytes + 8 + (sub & 3)] >> 2 * (sub >> 2) & 3;
      scales[i + sub] = d * ((low | high << 4) - 32);
    }
    for (let k = 0; k < 8; k++) {
      let first = wordAt(pairs, b + 16 + 4 * k), second = wordAt(pairs, b + 18 + 4 * k);
      const thirds = b + 4 * (k & 3), shift = k & 4; // the last 128 values have the upper four bits
      let firstThird = wordAt(pairs, thirds) >>> shift, secondThird = wordAt(pairs, thirds + 2) >>> shift;
      for (let w = wordOfPairs(i, k), end = w + 16; w < end; w += 4) {
        const quants = packed(first & TWO_BITS | (firstThird & ONE_BIT) << 2) |
          packed(second & TWO_BITS | (secondThird & ONE_BIT) << 2) << 16;
        words[w] = quants + 0x44444444;
        first >>>= 2;
        second >>>= 2;
        firstThird >>>= 1;
        secondThird >>>= 1;
      }
    }
  }
};

const TWO_BITS = 0x03030303, ONE_BIT = 0x01010101;

/**
 * Q2_K and Q3_K have 128 values in 32 bytes: the lowest two bits of all are the first 32 values, and so on. This is the place of the
 * first of bytes [8k, 8k + 8), in a super-block that begins with block i; the next ones are four words apart.
 */
const wordOfPairs = (i: number, k: number): number => 2 * i + 16 * (k >> 2) + (k & 3);

/** 16 bytes: the two words of their lower halves, and those of their upper ones. */
function writeHalves(pairs: Uint16Array, at: number, words: Uint32Array, low: number, high: number): void {
  const first = parted(wordAt(pairs, at)), second = parted(wordAt(pairs, at + 2));
  const third = parted(wordAt(pairs, at + 4)), fourth = parted(wordAt(pairs, at + 6));
  words[low] = first & 0xffff | second << 16;
  words[low + 1] = third & 0xffff | fourth << 16;
  words[high] = first >>> 16 | second & 0xffff0000;
  words[high + 1] = third >>> 16 | fourth & 0xffff0000;
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
