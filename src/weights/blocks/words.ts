/**
 * Blocks four bytes at a time. All types but MXFP4 have an even number of bytes in a block, so they are read as pairs of bytes and
 * written as words of four. Numbers are little-endian, in files and in memory.
 */
import { aligned } from "../../tensor/mod.ts";
import { half, subMin, subScale } from "./dequantize.ts";

/** Where blocks go: the arrays of a `BlockMatrix`. Quants begin at a multiple of four bytes. */
export interface Repacked {
  readonly quants: Uint8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  /** Null where the type has none. */
  readonly offsets: Float32Array<ArrayBuffer> | null;
}

/** Writes all blocks of `source` to the start of the arrays. */
export type Repack = (source: Uint8Array<ArrayBuffer>, to: Repacked) => void;

/** Pairs of bytes; a copy where memory does not let them begin. */
export function pairsOf(source: Uint8Array<ArrayBuffer>): Uint16Array {
  const { buffer, byteOffset, length } = aligned(source, 2);
  return new Uint16Array(buffer, byteOffset, length >> 1);
}

/** The quants as words. */
export function wordsOf({ quants: { buffer, byteOffset, length } }: Repacked): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length >> 2);
}

/** Four bytes from a pair on. */
export function wordAt(pairs: Uint16Array, at: number): number {
  return pairs[at] | pairs[at + 1] << 16;
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
