/**
 * bitsandbytes in 8 bits (LLM.int8()): `X.weight` i8 [N, K] and `X.SCB` f32 [N], the largest magnitude of each row; a number is
 * q · SCB / 127. Here the row's scale SCB / 127 is rounded to float32 and multiplied, so that blocks hold the same numbers; the library
 * rounds q · SCB first, which differs in the last digit of float32. What it does with large activations as it runs is no part of the
 * weights. Source: bitsandbytes, `_ops.py` (`int8_vectorwise_dequant`).
 */
import { elements, emptyMatrix, middleOf, toFloat32 } from "../../tensor/mod.ts";
import { blockFormat, consecutive } from "./grouped.ts";
import { type Checkpoint, FLOATS, type Fp8Packing, type PackedMatrix, part, sides, unfit } from "./matrix.ts";
import type { Rows } from "../derived.ts";

/** The order of numbers in which a matrix is saved; the others are those of graphics cards, and older. */
const ROW_ORDER = 0;

export async function eightBitMatrix(from: Checkpoint, stem: string): Promise<PackedMatrix> {
  const weight = `${stem}.weight`, scales = `${stem}.SCB`, order = `${stem}.weight_format`;
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
        const zero = middleOf(8), perRow = shape[1] / format.size;
        const matrix = emptyMatrix({ ...format, zero }, [scale.length, shape[1]], allocate);
        for (let i = 0; i < quants.length; i++) matrix.quants[i] = quants[i] + zero;
        scale.forEach((own, row) => matrix.scales.fill(own, row * perRow, (row + 1) * perRow));
        return matrix;
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

/** The numbers of all bytes: a sign, 4 bits of exponent, 3 of fraction; no infinities, and one NaN of each sign. */
const VALUES = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte > 127 ? -1 : 1, exponent = byte >> 3 & 15, fraction = byte & 7;
  if (exponent === 15 && fraction === 7) return NaN;
  return sign * (exponent === 0 ? fraction / 8 * 2 ** -6 : (1 + fraction / 8) * 2 ** (exponent - 7));
});

/**
 * FP8 as DeepSeek-V3 stores it: `X.weight` in E4M3 [N, K] and `X.weight_scale_inv`, a number for each block of rows and columns (the
 * last ones may be smaller), or one for the whole matrix. A number is the product of both, rounded to float32. Source: transformers,
 * `integrations/finegrained_fp8.py`; E4M3: Micikevicius et al., 2022 (arXiv:2209.05433).
 */
export function fp8Matrix(from: Checkpoint, name: string, { block }: Fp8Packing): PackedMatrix {
  const scales = `${name}_scale_inv`;
  const { file } = from;
  if (!file.tensors.has(name)) throw unfit(from.name, name, "is missing", `the matrix of ${scales}`);
  const shape = sides(from, name, "F8_E4M3");
  const [rows, columns] = shape;
  const [high, wide] = block ?? shape;
  const grid = [Math.ceil(rows / high), Math.ceil(columns / wide)];
  const own = file.tensors.get(scales)!.shape;
  part(from, scales, FLOATS, block === null && elements(own) === 1 ? own : grid);
  return {
    type: "FP8",
    shape,
    parts: [name, scales],
    async read([first, end]: Rows, out) {
      const scale = toFloat32(await file.read(scales));
      const blockOf = consecutive(columns, wide);
      let at = 0;
      for await (const bytes of file.stored(name, [first * columns, end * columns]).parts()) {
        for (let i = 0; i < bytes.length;) { // a part may end within a row
          const row = first + Math.floor(at / columns), group = Math.floor(row / high) * grid[1];
          let column = at % columns;
          for (; column < columns && i < bytes.length; column++) {
            out[at++] = VALUES[bytes[i++]] * scale[group + blockOf[column]];
          }
        }
      }
    },
  };
}
