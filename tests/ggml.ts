/** ggml's functions themselves, where `lamina ggml` has installed it, and rows that are encoded. */
import { createHash } from "node:crypto";
import { ggmlLibrary } from "../src/libraries/mod.ts";
import { blockTypes } from "../src/weights/blocks/types.ts";
import { ggmlNumbers } from "../src/weights/gguf/types.ts";

const symbols = {
  ggml_quantize_chunk: {
    parameters: ["i32", "buffer", "buffer", "i64", "i64", "i64", "buffer"],
    result: "usize",
  },
  ggml_row_size: { parameters: ["i32", "i64"], result: "usize" },
  ggml_quantize_requires_imatrix: { parameters: ["i32"], result: "bool" },
} as const;

const path = ggmlLibrary("libggml-base.so");
export const lacksGgml = path === null ? "no ggml: lamina ggml installs it" : null;

/** Its functions, by the library's own path for those of one type; null where it is not installed. */
export function openGgml() {
  return path === null ? null : { path, ...Deno.dlopen(path, symbols).symbols };
}
export type Ggml = NonNullable<ReturnType<typeof openGgml>>;

export function encoded(
  { ggml_quantize_chunk }: Ggml,
  type: string,
  numbers: Float32Array<ArrayBuffer>,
  columns: number,
  importance: Float32Array<ArrayBuffer> | null,
): Uint8Array<ArrayBuffer> {
  const { blockElements, blockBytes } = blockTypes[type];
  const out = new Uint8Array(new ArrayBuffer(numbers.length / blockElements * blockBytes));
  const count = BigInt(numbers.length / columns);
  ggml_quantize_chunk(ggmlNumbers.get(type)!, numbers, out, 0n, count, BigInt(columns), importance);
  return out;
}

/** Blocks as ggml reads them. */
export function decoded(
  { path }: Ggml,
  type: string,
  blocks: Uint8Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const name = `dequantize_row_${type.toLowerCase().replace(/_k$/, "_K")}`;
  const { symbols: { read } } = Deno.dlopen(path, {
    read: { name, parameters: ["buffer", "buffer", "i64"], result: "void" },
  });
  const { blockElements, blockBytes } = blockTypes[type];
  const out = new Float32Array(new ArrayBuffer(blocks.length / blockBytes * blockElements * 4));
  read(blocks, out, BigInt(out.length));
  return out;
}

/** The start of the hash of numbers, whose zeros keep their signs. */
export const hashOf = (numbers: Float32Array): string =>
  createHash("sha256").update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)).digest(
    "hex",
  )
    .slice(0, 16);

export const COLUMNS = 512;

/** Rows of many sizes and shapes: waves, far numbers, whole steps, one sign, zeros. Sums of a few powers of two, alike on every machine. */
export const rows: Float32Array<ArrayBuffer> = Float32Array.from({ length: 4 * COLUMNS }, (_, i) => {
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 8;
  const wave = ((mixed & 0xfff) - 2048 + ((mixed >> 12) - 2048)) / 65536;
  const block = i >> 5;
  return [wave, wave * wave * wave, wave + 0.5, Math.round(wave * 64) / 64, -Math.abs(wave) - 2 ** -9, 0][
    block % 6
  ] * (i % 97 === 0 ? 16 : 1);
});

/** Of each column: some of no importance, few of much. */
export const importance: Float32Array<ArrayBuffer> = Float32Array.from({ length: COLUMNS }, (_, column) => {
  const mixed = Math.imul(column + 7, 0x85ebca6b) >>> 16;
  const share = mixed / 65536;
  return column % 41 === 0 ? 0 : share * share * share * share;
});
