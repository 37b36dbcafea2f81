/**
 * Matrices in words of 32 bits. GPTQ: `X.qweight` i32 [K · bits / 32, N], whose words hold consecutive columns, the first in the lowest
 * bits; `X.qzeros` i32 [G, N · bits / 32], words of consecutive rows; `X.scales` [G, N]; `X.g_idx` i32 [K], each column's group. Source:
 * gptqmodel, `nn_modules/qlinear`. Where zeros are stored less one, one is added to each place of the whole word: a zero of 0 borrowed
 * from its neighbour.
 *
 * AWQ ("gemm"): `X.qweight` i32 [K, N / 8], `X.qzeros` i32 [G, N / 8] and `X.scales` [G, N]. A word holds eight consecutive rows of the
 * matrix, in the order 0 2 4 6 1 3 5 7 from the lowest bits. Source: autoawq, `utils/packing_utils.py`.
 */
import { toFloat32 } from "../../tensor/mod.ts";
import { blockFormat, consecutive, groupedMatrix, type Tile, unpackZeros } from "./grouped.ts";
import {
  type AwqPacking,
  type Checkpoint,
  FLOATS,
  type GptqPacking,
  type PackedMatrix,
  part,
  sides,
  unfit,
} from "./matrix.ts";
import type { Rows } from "../derived.ts";

export function gptqMatrix(from: Checkpoint, stem: string, packing: GptqPacking): PackedMatrix {
  const { bits, scattered, symmetric, zerosLessOne } = packing;
  const each = 32 / bits, mask = 2 ** bits - 1;
  const [words, rows] = sides(from, `${stem}.qweight`, "I32");
  const columns = words * each;
  const groupSize = packing.groupSize ?? columns;
  const groups = Math.ceil(columns / groupSize);
  part(from, `${stem}.qzeros`, ["I32"], [groups, Math.ceil(rows / each)]);
  part(from, `${stem}.scales`, FLOATS, [groups, rows]);
  const hasOrder = scattered || from.file.tensors.has(`${stem}.g_idx`);
  if (hasOrder) part(from, `${stem}.g_idx`, ["I32"], [columns]);
  const parts = ["qweight", "qzeros", "scales", ...hasOrder ? ["g_idx"] : []].map((one) => `${stem}.${one}`);
  const format = scattered ? undefined : blockFormat(bits, columns, groupSize, symmetric);
  const places = Array.from({ length: each }, (_, i) => i);
  const plus = zerosLessOne ? bits === 4 ? 0x11111111 : 0x01010101 : 0;
  return groupedMatrix(`GPTQ ${bits} bit`, [rows, columns], parts, format, symmetric, async () => {
    const [weight, zeros, scales, order] = await Promise.all(parts.map((name) => from.file.read(name)));
    const inOrder = consecutive(columns, groupSize);
    const groupOf = order ? order.data as Int32Array : inOrder;
    checkGroups(from, parts[3], groupOf, groups, scattered ? null : inOrder);
    const words = weight.data as Int32Array;
    return {
      bits,
      rows,
      columns,
      scales: toFloat32(scales),
      groupOf,
      unpack(own, { quants, zeros: to }) {
        const [first, end] = own;
        for (let column = 0; column < columns; column += each) {
          const base = column / each * rows;
          for (let row = first; row < end; row++) {
            const word = words[base + row], at = (row - first) * columns + column;
            for (let i = 0; i < each; i++) quants[at + i] = word >>> bits * i & mask;
          }
        }
        unpackZeros(zeros.data as Int32Array, bits, rows, own, to, places, plus);
      },
    };
  });
}

/** Throws where a column is in no group, or in another than its place says (null: anywhere). */
function checkGroups(
  { name }: Checkpoint,
  tensor: string,
  groupOf: Int32Array,
  groups: number,
  inOrder: Int32Array | null,
): void {
  const column = groupOf.findIndex((group, k) =>
    group < 0 || group >= groups || inOrder !== null && group !== inOrder[k]
  );
  if (column < 0) return;
  const expected = inOrder ? `${inOrder[column]}, since desc_act is not true` : `from 0 to ${groups - 1}`;
  throw unfit(name, tensor, `has group ${groupOf[column]} for column ${column}`, expected);
}

/** Rows in a word of AWQ, and the place of each. */
const EACH = 8;
const PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

export function awqMatrix(from: Checkpoint, stem: string, packing: AwqPacking): PackedMatrix {
  const [columns, words] = sides(from, `${stem}.qweight`, "I32");
  const rows = words * EACH;
  const groupSize = packing.groupSize ?? columns;
  if (columns % groupSize !== 0) {
    const found = `is I32 [${columns},${words}]`;
    throw unfit(from.name, `${stem}.qweight`, found, `a first side that group_size ${groupSize} divides`);
  }
  const groups = columns / groupSize;
  part(from, `${stem}.qzeros`, ["I32"], [groups, words]);
  part(from, `${stem}.scales`, FLOATS, [groups, rows]);
  const parts = ["qweight", "qzeros", "scales"].map((one) => `${stem}.${one}`);
  const format = blockFormat(4, columns, groupSize, false);
  return groupedMatrix("AWQ", [rows, columns], parts, format, false, async () => {
    const [weight, zeros, scales] = await Promise.all(parts.map((name) => from.file.read(name)));
    return {
      bits: 4,
      rows,
      columns,
      scales: toFloat32(scales),
      groupOf: consecutive(columns, groupSize),
      unpack(own, tile) {
        unpackColumns(weight.data as Int32Array, rows, columns, own, tile);
        unpackZeros(zeros.data as Int32Array, 4, rows, own, tile.zeros, PLACES, 0);
      },
    };
  });
}

function unpackColumns(
  words: Int32Array,
  rows: number,
  columns: number,
  [first, end]: Rows,
  { quants }: Tile,
): void {
  const width = rows / EACH;
  for (let place = Math.floor(first / EACH); place * EACH < end; place++) { // eight lines of the tile stay in the cache
    const start = place * EACH, from = Math.max(first, start), to = Math.min(end, start + EACH);
    for (let column = 0; column < columns; column++) {
      const word = words[column * width + place];
      for (let row = from, at = (from - first) * columns + column; row < to; row++, at += columns) {
        quants[at] = word >>> 4 * PLACES[row - start] & 15;
      }
    }
  }
}
