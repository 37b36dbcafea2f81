/**
 * bitsandbytes in 4 bits (NF4, FP4): `X.weight` u8 [N · K / 2, 1], two numbers in a byte, the first in its upper half; each is an index
 * into `X.weight.quant_map` f32 [16], and is multiplied by its block's entry of `X.weight.absmax`. Double quantisation stores these in
 * 8 bits: nested_quant_map[absmax] · nested_absmax + offset. Every step is rounded to float32, as in the library.
 * Source: bitsandbytes, `functional.py` (`QuantState`, `dequantize_4bit`).
 */
import { elements, type Tensor } from "../../tensor/mod.ts";
import { type Checkpoint, type PackedMatrix, part, unfit } from "./matrix.ts";
import { parseObject } from "../safetensors/json.ts";

export async function fourBitMatrix(
  from: Checkpoint,
  stem: string,
  kind: "nf4" | "fp4",
): Promise<PackedMatrix> {
  const { file } = from;
  const name = `${stem}.weight`, state = `${name}.quant_state.bitsandbytes__${kind}`;
  const { shape, blockSize, nested } = await readQuantState(from, state);
  const numbers = elements(shape);
  const blocks = Math.ceil(numbers / blockSize);
  const info = file.tensors.get(name);
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
    type: kind.toUpperCase(),
    shape,
    parts: [...parts, state],
    async read([first, end], out) {
      const [bytes, map, scales, ...inner] = await Promise.all(parts.map((one) => file.read(one)));
      const absmax = nested ? unnested(scales, inner, nested) : scales.data as Float32Array;
      const [halves, table] = [bytes.data as Uint8Array, map.data as Float32Array];
      const [start, stop] = [first * shape[1], end * shape[1]]; // counted row by row
      for (let at = start; at < stop;) {
        const block = Math.floor(at / blockSize), scale = absmax[block];
        const last = Math.min(stop, (block + 1) * blockSize);
        for (; at < last; at++) out[at - start] = table[halves[at >> 1] >> 4 * (1 - (at & 1)) & 15] * scale;
      }
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

/** Two numbers in a byte, and a scale for each block of numbers. */
interface QuantState {
  readonly shape: readonly [rows: number, columns: number];
  readonly blockSize: number;
  /** How the scales are packed in their turn; null where they are stored as they are. */
  readonly nested: { readonly blockSize: number; readonly offset: number } | null;
}

/** Bytes of a description; a real one has 170. */
const MOST_BYTES = 4096;
const MOST_BLOCK = 4096;

/** Reads a description. Throws `TypeError` or `SyntaxError` that names file and tensor. */
async function readQuantState({ name, file }: Checkpoint, tensor: string): Promise<QuantState> {
  const { type, bytes } = file.tensors.get(tensor)!;
  if (type !== "U8" || bytes > MOST_BYTES) {
    throw unfit(name, tensor, `is ${type} of ${bytes} bytes`, `JSON in at most ${MOST_BYTES} bytes, in U8`);
  }
  const { data } = await file.read(tensor);
  const fields = parseObject(name, `tensor ${tensor}`, data as Uint8Array<ArrayBuffer>, 4);
  const wrong = (field: string, expected: string) =>
    unfit(
      name,
      tensor,
      `says that ${field} is ${JSON.stringify(fields[field])?.slice(0, 60) ?? "missing"}`,
      expected,
    );
  const count = (field: string) => {
    const found = fields[field];
    if (isCount(found) && found <= MOST_BLOCK) return found;
    throw wrong(field, `an integer from 1 to ${MOST_BLOCK}`);
  };
  const { shape, nested_blocksize, nested_offset } = fields;
  if (!Array.isArray(shape) || shape.length !== 2 || !shape.every(isCount)) {
    throw wrong("shape", "the two sides of a matrix");
  }
  const isNested = nested_blocksize !== undefined;
  if (isNested && (typeof nested_offset !== "number" || !Number.isFinite(nested_offset))) {
    throw wrong("nested_offset", "a number");
  }
  return {
    shape: [shape[0], shape[1]],
    blockSize: count("blocksize"),
    nested: isNested ? { blockSize: count("nested_blocksize"), offset: Number(nested_offset) } : null,
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number > 0 && value as number < 2 ** 31;
}
