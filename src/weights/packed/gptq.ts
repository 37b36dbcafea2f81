/**
 * GPTQ: `X.qweight` i32 [K · bits / 32, N], whose words hold consecutive columns, the first in the lowest bits; `X.qzeros` i32
 * [G, N · bits / 32], words of consecutive rows; `X.scales` [G, N]; `X.g_idx` i32 [K], each column's group. Source: gptqmodel,
 * `nn_modules/qlinear`.
 *
 * Where zeros are stored less one, one is added to each place of the whole word: a zero of 0 borrowed from its neighbour.
 */
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
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
import type { GptqPacking } from "./packing.ts";

/** Packed matrices, by plain name. */
export function gptqMatrices(from: Checkpoint, packing: GptqPacking): Map<string, PackedMatrix> {
  return matricesOfWords(from, (stem) => gptqMatrix(from, stem, packing));
}

function gptqMatrix(from: Checkpoint, stem: string, packing: GptqPacking): PackedMatrix {
  const { bits, scattered } = packing;
  const each = 32 / bits;
  const [words, rows] = sides(from, `${stem}.qweight`, "I32");
  const columns = words * each;
  const groupSize = packing.groupSize ?? columns;
  const groups = Math.ceil(columns / groupSize);
  part(from, `${stem}.qzeros`, ["I32"], [groups, Math.ceil(rows / each)]);
  part(from, `${stem}.scales`, FLOATS, [groups, rows]);
  const hasOrder = scattered || from.file.tensors.has(`${stem}.g_idx`);
  if (hasOrder) part(from, `${stem}.g_idx`, ["I32"], [columns]);
  const parts = ["qweight", "qzeros", "scales", ...hasOrder ? ["g_idx"] : []].map((one) => `${stem}.${one}`);
  const format = scattered ? undefined : blockFormat(bits, columns, groupSize, packing.symmetric);

  async function open(): Promise<Grouped> {
    const [weight, zeros, scales, order] = await Promise.all(parts.map((name) => from.file.read(name)));
    const inOrder = consecutive(columns, groupSize);
    const groupOf = order ? order.data as Int32Array : inOrder;
    checkGroups(from, parts[3], groupOf, groups, scattered ? null : inOrder);
    return grouped({ weight, zeros, scales, groupOf }, rows, columns, packing);
  }
  return {
    type: `GPTQ ${bits} bit`,
    shape: [rows, columns],
    parts,
    read: async (own, out) => widen(await open(), own, out),
    blocks: format &&
      {
        format,
        read: async (own, allocate) => inBlocks(await open(), own, format, packing.symmetric, allocate),
      },
  };
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

interface Read {
  readonly weight: Tensor;
  readonly zeros: Tensor;
  readonly scales: Tensor;
  readonly groupOf: Int32Array;
}

function grouped(read: Read, rows: number, columns: number, { bits, zerosLessOne }: GptqPacking): Grouped {
  const words = read.weight.data as Int32Array, zeroWords = read.zeros.data as Int32Array;
  const each = 32 / bits, mask = 2 ** bits - 1;
  const plus = zerosLessOne ? bits === 4 ? 0x11111111 : 0x01010101 : 0;
  const places = Array.from({ length: each }, (_, i) => i);
  return {
    bits,
    rows,
    columns,
    scales: toFloat32(read.scales),
    groupOf: read.groupOf,
    unpack(own: Rows, { quants, zeros }: Tile) {
      const [first, end] = own;
      for (let column = 0; column < columns; column += each) {
        const base = column / each * rows;
        for (let row = first; row < end; row++) {
          const word = words[base + row], at = (row - first) * columns + column;
          for (let i = 0; i < each; i++) quants[at + i] = word >>> bits * i & mask;
        }
      }
      unpackZeros(zeroWords, bits, rows, own, zeros, places, plus);
    },
  };
}
