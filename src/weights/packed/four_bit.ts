/**
 * bitsandbytes in 4 bits (NF4, FP4): `X.weight` u8 [N · K / 2, 1], two numbers in a byte, the first in its upper half; each is an index
 * into `X.weight.quant_map` f32 [16], and is multiplied by its block's entry of `X.weight.absmax`. Double quantisation stores these in
 * 8 bits: nested_quant_map[absmax] · nested_absmax + offset. Every step is rounded to float32, as in the library.
 * Source: bitsandbytes, `functional.py` (`QuantState`, `dequantize_4bit`).
 */
import { elements, type Tensor } from "../../tensor/mod.ts";
import { type Checkpoint, type PackedMatrix, part, type Rows, unfit } from "./matrix.ts";
import { type QuantState, readQuantState } from "./quant_state.ts";

const STATE = /\.weight\.quant_state\.bitsandbytes__(nf4|fp4)$/;

/** Packed matrices, by plain name. */
export async function fourBitMatrices(from: Checkpoint): Promise<Map<string, PackedMatrix>> {
  const found = [...from.file.tensors.keys()].flatMap((name) => {
    const [ending, kind] = STATE.exec(name) ?? [];
    return ending ? [{ state: name, name: `${name.slice(0, -ending.length)}.weight`, kind }] : [];
  });
  return new Map(
    await Promise.all(found.map(async ({ state, name, kind }) => {
      const matrix = fourBitMatrix(from, name, await readQuantState(from, state));
      return [name, { ...matrix, type: kind.toUpperCase(), parts: [...matrix.parts, state] }] as const;
    })),
  );
}

function fourBitMatrix(from: Checkpoint, name: string, state: QuantState): Omit<PackedMatrix, "type"> {
  const { shape, blockSize, nested } = state;
  const numbers = elements(shape);
  const blocks = Math.ceil(numbers / blockSize);
  const info = from.file.tensors.get(name);
  if (info?.type !== "U8" || info.bytes !== Math.ceil(numbers / 2)) {
    const found = info ? `is ${info.type} of ${info.bytes} bytes` : "is missing";
    throw unfit(from.name, name, found, `U8 of ${Math.ceil(numbers / 2)} bytes for [${shape}]`);
  }
  part(from, `${name}.quant_map`, ["F32"], [16]);
  part(from, `${name}.absmax`, [nested ? "U8" : "F32"], [blocks]);
  if (nested) {
    part(from, `${name}.nested_quant_map`, ["F32"], [256]);
    part(from, `${name}.nested_absmax`, ["F32"], [Math.ceil(blocks / nested.blockSize)]);
  }
  const names = ["quant_map", "absmax", ...nested ? ["nested_quant_map", "nested_absmax"] : []];
  const parts = [name, ...names.map((one) => `${name}.${one}`)];
  return {
    shape,
    parts,
    async read([first, end], out) {
      const [bytes, map, scales, ...inner] = await Promise.all(parts.map((one) => from.file.read(one)));
      const absmax = nested ? unnested(scales, inner, nested) : scales.data as Float32Array;
      const columns = shape[1];
      decode(bytes.data as Uint8Array, map.data as Float32Array, absmax, blockSize, [
        first * columns,
        end * columns,
      ], out);
    },
  };
}

/** The scales of blocks, of which each is one of a table, times one of its own block of them, plus an offset. */
function unnested(
  scales: Tensor,
  [map, absmax]: readonly Tensor[],
  { blockSize, offset }: NonNullable<QuantState["nested"]>,
): Float32Array {
  const codes = scales.data as Uint8Array, [table, own] = [map.data, absmax.data] as Float32Array[];
  const plus = Math.fround(offset);
  return Float32Array.from(
    codes,
    (code, i) => Math.fround(table[code] * own[Math.floor(i / blockSize)]) + plus,
  );
}

/** Numbers [first, end), counted row by row. */
function decode(
  bytes: Uint8Array,
  table: Float32Array,
  absmax: Float32Array,
  blockSize: number,
  [first, end]: Rows,
  out: Float32Array,
): void {
  for (let at = first; at < end;) {
    const block = Math.floor(at / blockSize), scale = absmax[block];
    const last = Math.min(end, (block + 1) * blockSize);
    for (; at < last; at++) out[at - first] = table[bytes[at >> 1] >> 4 * (1 - (at & 1)) & 15] * scale;
  }
}
