/**
 * AWQ ("gemm"): `X.qweight` i32 [K, N / 8], `X.qzeros` i32 [G, N / 8] and `X.scales` [G, N]. A word holds eight consecutive rows of the
 * matrix, in the order 0 2 4 6 1 3 5 7 from the lowest bits. Source: autoawq, `utils/packing_utils.py`.
 */
import { toFloat32 } from "../../tensor/mod.ts";
import {
  blockFormat,
  consecutive,
  type Grouped,
  inBlocks,
  type Tile,
  unpackZeros,
  widen,
} from "./grouped.ts";
import {
  type Checkpoint,
  FLOATS,
  matricesOfWords,
  type PackedMatrix,
  part,
  type Rows,
  sides,
  unfit,
} from "./matrix.ts";
import type { AwqPacking } from "./packing.ts";

/** Rows in a word, and the place of each. */
const EACH = 8;
const PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

/** Packed matrices, by plain name. */
export function awqMatrices(from: Checkpoint, packing: AwqPacking): Map<string, PackedMatrix> {
  return matricesOfWords(from, (stem) => awqMatrix(from, stem, packing));
}

function awqMatrix(from: Checkpoint, stem: string, packing: AwqPacking): PackedMatrix {
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

  async function open(): Promise<Grouped> {
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
  }
  return {
    type: "AWQ",
    shape: [rows, columns],
    parts,
    read: async (own, out) => widen(await open(), own, out),
    blocks: format &&
      { format, read: async (own, allocate) => inBlocks(await open(), own, format, false, allocate) },
  };
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
