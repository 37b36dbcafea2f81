/** GGML's types of blocks by name: their size, and how they are repacked as a matrix in blocks, which has the same numbers. */
import { type BlockFormat, emptyMatrix, widen } from "../../tensor/mod.ts";
import { ranges } from "../content.ts";
import * as to from "./repack.ts";
import * as of from "./repack_points.ts";
import { q2_k, q3_k, q4_0, q4_1, q4_k, type Repack } from "./repack4.ts";

/** Blocks of a file, and how all of them are decoded to the start of `out`; that there is room for their numbers is not checked. */
export interface Blocks {
  readonly blockElements: number;
  readonly blockBytes: number;
  decode(source: Uint8Array<ArrayBuffer>, out: Float32Array): void;
}

/** Blocks that are parts of a matrix. */
export interface BlockType extends Blocks {
  readonly format: BlockFormat & { readonly zero: number };
  readonly repack: Repack;
}

/** Numbers that are repacked before they are widened: both stay in the cache. */
const STEP = 2 ** 14;

function blocksOf(
  blockElements: number,
  blockBytes: number,
  format: BlockType["format"],
  repack: Repack,
): BlockType {
  return {
    blockElements,
    blockBytes,
    format,
    repack,
    decode(source, out) {
      const bytes = blockBytes / blockElements;
      for (const [start, end] of ranges(0, source.length / bytes, STEP)) {
        const matrix = emptyMatrix(format, [1, end - start]);
        repack(source.subarray(start * bytes, end * bytes), matrix);
        widen(matrix, out.subarray(start, end));
      }
    },
  };
}

const four = { bits: 4, size: 32, hasOffsets: false, zero: 8 } as const;
const eight = { bits: 8, size: 32, hasOffsets: false, zero: 128 } as const;
/** Of types with a minimum. */
const offset = { hasOffsets: true, zero: 0 } as const;

export const blockTypes: Readonly<Record<string, BlockType>> = {
  Q4_0: blocksOf(32, 18, four, q4_0),
  Q4_1: blocksOf(32, 20, { ...four, ...offset }, q4_1),
  Q5_0: blocksOf(32, 22, eight, to.q5_0),
  Q5_1: blocksOf(32, 24, { ...eight, ...offset }, to.q5_1),
  Q8_0: blocksOf(32, 34, eight, to.q8_0),
  Q2_K: blocksOf(256, 84, { ...four, ...offset, size: 16 }, q2_k),
  Q3_K: blocksOf(256, 110, { ...four, size: 16 }, q3_k),
  Q4_K: blocksOf(256, 144, { ...four, ...offset }, q4_k),
  Q5_K: blocksOf(256, 176, { ...eight, ...offset }, to.q5_k),
  Q6_K: blocksOf(256, 210, { ...eight, size: 16 }, to.q6_k),
  IQ1_S: blocksOf(256, 50, eight, of.iq1_s),
  IQ1_M: blocksOf(256, 56, { ...eight, size: 16 }, of.iq1_m),
  IQ2_XXS: blocksOf(256, 66, eight, of.iq2_xxs),
  IQ2_XS: blocksOf(256, 74, { ...eight, size: 16 }, of.iq2_xs),
  IQ2_S: blocksOf(256, 82, { ...eight, size: 16 }, of.iq2_s),
  IQ3_XXS: blocksOf(256, 98, eight, of.iq3_xxs),
  IQ3_S: blocksOf(256, 110, eight, of.iq3_s),
  IQ4_NL: blocksOf(32, 18, eight, to.iq4_nl),
  IQ4_XS: blocksOf(256, 136, eight, to.iq4_xs),
  MXFP4: blocksOf(32, 17, eight, to.mxfp4),
};
