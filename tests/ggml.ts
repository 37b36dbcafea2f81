/** ggml's functions themselves, where `lamina ggml` has installed it, and rows that are encoded. */
import { createHash } from "node:crypto";
import { ggmlLibrary } from "core/libraries/mod.ts";
import { philox } from "core/tensor/mod.ts";
import { blockTypes } from "core/weights/blocks/types.ts";
import { ggmlNumbers } from "core/weights/gguf/types.ts";

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
export const openGgml = () => path === null ? null : { path, ...Deno.dlopen(path, symbols).symbols };
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

/** The start of the hash of numbers, whose zeros keep their signs, or of bytes. */
export const hashOf = (numbers: Float32Array | Uint32Array | Uint8Array): string =>
  createHash("sha256").update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)).digest(
    "hex",
  )
    .slice(0, 16);

/** The bits of numbers, all NaN alike: their signs and payloads mean nothing. */
export function bitsOf(values: Float32Array): Uint32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return words.map((word, i) => Number.isNaN(values[i]) ? 0x7fc00000 : word);
}

/** Byte offsets of the float16 scales in one block; IQ1_M has its scale in parts, and MXFP4 a byte of exponent. */
const SCALES: Readonly<Record<string, readonly number[]>> = {
  ...{ Q4_1: [0, 2], Q5_1: [0, 2], Q2_K: [80, 82], Q3_K: [108], Q4_K: [0, 2], Q5_K: [0, 2], Q6_K: [208] },
  ...{ IQ1_M: [], MXFP4: [] },
};
/** Float16: zeros, the least and the greatest subnormal, the greatest number, infinities, and a NaN. */
const EDGES = [0, 0x8000, 1, 0x8001, 0x3ff, 0x83ff, 0x3c00, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00];
const FILLS = [0, 0x0f, 0xf0, 0x80, 0xff];

/** Blocks of one byte each, with every pair of scales at the edges of float16 (of MXFP4 with every exponent), and of any bytes. */
export function anyBlocks(type: string): Uint8Array<ArrayBuffer> {
  const { blockBytes } = blockTypes[type];
  const words = Array.from({ length: 40 * blockBytes }, (_, i) => philox([i, 0, 0, 0], [3, 0])); // 640 blocks
  const source = new Uint8Array(Uint32Array.from(words.flat()).buffer), view = new DataView(source.buffer);
  FILLS.forEach((byte, i) => source.fill(byte, i * blockBytes, (i + 1) * blockBytes));
  for (const [i, pair] of EDGES.flatMap((d) => EDGES.map((other) => [d, other])).entries()) {
    const at = (FILLS.length + i) * blockBytes;
    (SCALES[type] ?? [0]).forEach((place, which) => view.setUint16(at + place, pair[which], true));
  }
  if (type === "MXFP4") { for (let e = 0; e < 256; e++) source[(FILLS.length + e) * blockBytes] = e; }
  return source;
}

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
