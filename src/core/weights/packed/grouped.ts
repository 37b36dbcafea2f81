/**
 * Matrices of whole numbers with a scale and a zero for each row and group of columns, which are stored turned around, [K, N] (GPTQ,
 * AWQ): a number is scale · (quant − zero), exact in float32 where a scale has 16 bits. Rows are unpacked a tile at a time.
 */
import { type BlockFormat, type BlockMatrix, emptyMatrix, middleOf } from "../../tensor/mod.ts";
import type { Allocate } from "../entry.ts";
import type { PackedMatrix } from "./matrix.ts";
import type { Rows } from "../derived.ts";

/** What some rows [T, K] are, one quant in a byte. */
export interface Tile {
  /** [T, K] */
  readonly quants: Uint8Array;
  /** [T, G] */
  readonly zeros: Uint8Array;
}

interface Grouped {
  readonly bits: 4 | 8;
  readonly rows: number;
  readonly columns: number;
  /** [G, N] */
  readonly scales: Float32Array;
  /** [K] */
  readonly groupOf: Int32Array;
  unpack(rows: Rows, tile: Tile): void;
}

export function groupedMatrix(
  type: string,
  shape: PackedMatrix["shape"],
  parts: readonly string[],
  format: BlockFormat | undefined,
  symmetric: boolean,
  open: () => Promise<Grouped>,
): PackedMatrix {
  return {
    type,
    shape,
    parts,
    read: async (rows, out) => widen(await open(), rows, out),
    blocks: format &&
      { format, read: async (rows, allocate) => inBlocks(await open(), rows, format, symmetric, allocate) },
  };
}

/** Bytes of a tile: it stays in the cache. */
const TILE_BYTES = 2 ** 18;
/** Columns in a block at most, as `MatMulNBits` is used. */
const MOST_SIZE = 128;
const LEAST_SIZE = 16;

/**
 * The block format of groups of `size` columns; undefined where a group is not a whole number of blocks. Symmetric matrices have their zero
 * in the middle.
 */
export function blockFormat(
  bits: 4 | 8,
  columns: number,
  groupSize: number,
  symmetric: boolean,
): BlockFormat | undefined {
  const fits = (size: number) => columns % size === 0 && (groupSize % size === 0 || groupSize >= columns);
  let size = MOST_SIZE;
  while (size >= LEAST_SIZE && !fits(size)) size /= 2;
  return size < LEAST_SIZE
    ? undefined
    : { bits, size, zero: symmetric ? middleOf(bits) : null, hasOffsets: false };
}

function widen(matrix: Grouped, rows: Rows, out: Float32Array): void {
  const { columns, groupOf } = matrix;
  for (const { quants, zeros, scales, groups, count, at } of tiles(matrix, rows)) {
    for (let row = 0; row < count; row++) {
      const from = row * columns, to = (at + row) * columns;
      for (let k = 0; k < columns;) {
        const group = groupOf[k], scale = scales[row * groups + group], zero = zeros[row * groups + group];
        for (; k < columns && groupOf[k] === group; k++) out[to + k] = scale * (quants[from + k] - zero);
      }
    }
  }
}

/** Rows in blocks, whose groups are consecutive. Zeros are one number if the matrix is said to be symmetric and is. */
function inBlocks(
  matrix: Grouped,
  rows: Rows,
  format: BlockFormat,
  symmetric: boolean,
  allocate: Allocate,
): BlockMatrix {
  const { columns, groupOf } = matrix, { bits, size } = format, zero = middleOf(bits);
  const count = rows[1] - rows[0], perRow = columns / size;
  const zeroBytes = Math.ceil(perRow * bits / 8);
  const made = emptyMatrix({ ...format, zero }, [count, columns], allocate);
  const zeros = new Uint8Array(count * zeroBytes);
  let middle = symmetric;
  for (const tile of tiles(matrix, rows)) {
    pack(tile.quants.subarray(0, tile.count * columns), bits, made.quants, tile.at * columns * bits / 8);
    for (let row = 0; row < tile.count; row++) {
      for (let block = 0; block < perRow; block++) {
        const group = row * tile.groups + groupOf[block * size];
        const own = tile.zeros[group];
        middle &&= own === zero;
        made.scales[(tile.at + row) * perRow + block] = tile.scales[group];
        const byte = (tile.at + row) * zeroBytes + (bits === 8 ? block : block >> 1);
        zeros[byte] |= bits === 8 ? own : own << 4 * (block & 1);
      }
    }
  }
  return middle ? made : { ...made, zeros };
}

/** Quants of a byte each, packed: of 4 bits, the first of two in the lower half. */
function pack(from: Uint8Array, bits: 4 | 8, to: Uint8Array, at: number): void {
  if (bits === 8) return to.set(from, at);
  for (let i = 0; i < from.length; i += 2) to[at + (i >> 1)] = from[i] | from[i + 1] << 4;
}

/** Rows of a matrix, some at a time; the arrays of a tile are written again for the next. */
function* tiles(matrix: Grouped, [first, end]: Rows) {
  const { rows, columns, scales } = matrix;
  const groups = scales.length / rows;
  const most = Math.min(end - first, Math.max(8, Math.ceil(TILE_BYTES / columns)));
  const quants = new Uint8Array(most * columns), zeros = new Uint8Array(most * groups);
  const own = new Float32Array(most * groups);
  for (let row = first; row < end; row += most) {
    const count = Math.min(most, end - row);
    matrix.unpack([row, row + count], { quants, zeros });
    for (let group = 0; group < groups; group++) {
      for (let i = 0; i < count; i++) own[i * groups + group] = scales[group * rows + row + i];
    }
    yield { quants, zeros, scales: own, groups, count, at: row - first };
  }
}

/**
 * Zeros of rows, [T, G]: in words [G, N · bits / 32] along the rows, whose row i of eight (or four) lies in place `order[i]`. `plus` is
 * added to each word before.
 */
export function unpackZeros(
  words: Int32Array,
  bits: 4 | 8,
  rows: number,
  [first, end]: Rows,
  zeros: Uint8Array,
  order: readonly number[],
  plus: number,
): void {
  const each = order.length, width = Math.ceil(rows / each), mask = 2 ** bits - 1;
  const groups = words.length / width;
  for (let group = 0; group < groups; group++) {
    for (let row = first; row < end; row++) {
      const word = words[group * width + Math.floor(row / each)] + plus;
      zeros[(row - first) * groups + group] = word >>> bits * order[row % each] & mask;
    }
  }
}

/** The groups of consecutive columns. */
export function consecutive(columns: number, groupSize: number): Int32Array {
  return Int32Array.from({ length: columns }, (_, k) => Math.floor(k / groupSize));
}
