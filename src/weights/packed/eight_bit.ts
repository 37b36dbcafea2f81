/**
 * bitsandbytes in 8 bits (LLM.int8()): `X.weight` i8 [N, K] and `X.SCB` f32 [N], the largest magnitude of each row; a number is
 * q · SCB / 127. Here the row's scale SCB / 127 is rounded to float32 and multiplied, so that blocks hold the same numbers; the library
 * rounds q · SCB first, which differs in the last digit of float32. What it does with large activations as it runs is no part of the
 * weights. Source: bitsandbytes, `_ops.py` (`int8_vectorwise_dequant`).
 */
import { type BlockFormat, type BlockMatrix, bytesOf, middleOf } from "../../tensor/mod.ts";
import type { Allocate } from "../entry.ts";
import { blockFormat } from "./grouped.ts";
import { type Checkpoint, type PackedMatrix, part, type Rows, sides, unfit } from "./matrix.ts";

const SCALES = ".SCB";
/** The order of numbers in which a matrix is saved; the others are those of graphics cards, and older. */
const ROW_ORDER = 0;

/** Packed matrices, by plain name. */
export async function eightBitMatrices(from: Checkpoint): Promise<Map<string, PackedMatrix>> {
  const names = [...from.file.tensors.keys()].filter((name) => name.endsWith(SCALES));
  return new Map(
    await Promise.all(names.map(async (name) => {
      const stem = name.slice(0, -SCALES.length);
      return [`${stem}.weight`, await eightBitMatrix(from, stem)] as const;
    })),
  );
}

async function eightBitMatrix(from: Checkpoint, stem: string): Promise<PackedMatrix> {
  const weight = `${stem}.weight`, scales = stem + SCALES, order = `${stem}.weight_format`;
  if (!from.file.tensors.has(weight)) throw unfit(from.name, weight, "is missing", `the matrix of ${scales}`);
  const shape = sides(from, weight, "I8");
  part(from, scales, ["F32"], [shape[0]]);
  const hasOrder = from.file.tensors.has(order);
  if (hasOrder) await checkOrder(from, order);
  const format = blockFormat(8, shape[1], shape[1], true);
  const read = async (rows: Rows) => {
    const [quants, magnitudes] = await Promise.all(
      [weight, scales].map((name) => from.file.read(name, rows)),
    );
    const scale = (magnitudes.data as Float32Array).map((magnitude) => magnitude / 127);
    return { quants: quants.data as Int8Array, scale };
  };
  return {
    type: "INT8",
    shape,
    parts: [weight, scales, ...hasOrder ? [order] : []],
    async read(rows, out) {
      const { quants, scale } = await read(rows);
      const columns = shape[1];
      for (let row = 0, at = 0; row < scale.length; row++) {
        for (const end = at + columns; at < end; at++) out[at] = scale[row] * quants[at];
      }
    },
    blocks: format && {
      format,
      read: async (rows, allocate) => {
        const { quants, scale } = await read(rows);
        return inBlocks(quants, scale, shape[1], format, allocate);
      },
    },
  };
}

async function checkOrder(from: Checkpoint, tensor: string): Promise<void> {
  const { type, shape } = from.file.tensors.get(tensor)!;
  if (type !== "U8" || shape.length > 1 || shape[0] > 1) {
    throw unfit(from.name, tensor, `is ${type} [${shape}]`, "one byte");
  }
  const { data: [order] } = await from.file.read(tensor);
  if (order !== ROW_ORDER) {
    throw unfit(from.name, tensor, `is ${order}`, `${ROW_ORDER}, rows one after the other`);
  }
}

function inBlocks(
  signed: Int8Array,
  scale: Float32Array,
  columns: number,
  { size }: BlockFormat,
  allocate: Allocate,
): BlockMatrix {
  const zero = middleOf(8), perRow = columns / size;
  const quants = bytesOf(allocate(signed.length / 4));
  const scales = allocate(scale.length * perRow);
  for (let i = 0; i < signed.length; i++) quants[i] = signed[i] + zero;
  for (let row = 0; row < scale.length; row++) scales.fill(scale[row], row * perRow, (row + 1) * perRow);
  return {
    bits: 8,
    size,
    shape: [scale.length, columns],
    quants,
    scales,
    zeros: zero,
    offsets: null,
  };
}
