/**
 * FP8 as DeepSeek-V3 stores it: `X.weight` in E4M3 [N, K] and `X.weight_scale_inv`, a number for each block of rows and columns (the
 * last ones may be smaller), or one for the whole matrix. A number is the product of both, rounded to float32.
 * Source: transformers, `integrations/finegrained_fp8.py`; E4M3: Micikevicius et al., 2022 (arXiv:2209.05433).
 */
import { elements, toFloat32 } from "../../tensor/mod.ts";
import { consecutive } from "./grouped.ts";
import { type Checkpoint, FLOATS, type PackedMatrix, part, type Rows, sides, unfit } from "./matrix.ts";
import type { Fp8Packing } from "./packing.ts";

const SCALES = "_scale_inv";

/** The numbers of all bytes: a sign, 4 bits of exponent, 3 of fraction; no infinities, and one NaN of each sign. */
const VALUES = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte > 127 ? -1 : 1, exponent = byte >> 3 & 15, fraction = byte & 7;
  if (exponent === 15 && fraction === 7) return NaN;
  return sign * (exponent === 0 ? fraction / 8 * 2 ** -6 : (1 + fraction / 8) * 2 ** (exponent - 7));
});

/** Packed matrices, by plain name. */
export function fp8Matrices(from: Checkpoint, packing: Fp8Packing): Map<string, PackedMatrix> {
  const names = [...from.file.tensors.keys()].filter((name) => name.endsWith(SCALES));
  return new Map(names.map((scales) => {
    const name = scales.slice(0, -SCALES.length);
    return [name, fp8Matrix(from, name, scales, packing)];
  }));
}

function fp8Matrix(from: Checkpoint, name: string, scales: string, { block }: Fp8Packing): PackedMatrix {
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
