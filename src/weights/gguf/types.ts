/** GGML's storage types that can be read here, by their number in a GGUF file. */
import { blockTypes } from "../blocks/types.ts";
import type { Layout } from "../file.ts";

/** A storage type. A row holds whole blocks. */
export interface GgmlType {
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
  readonly layout: Layout;
}

function plain(name: string, dtype: "f32" | "f16" | "bf16", bytes: number): GgmlType {
  return { name, blockElements: 1, blockBytes: bytes, layout: { dtype } };
}

function blocks(name: string): GgmlType {
  const { blockElements, blockBytes } = blockTypes[name];
  return { name, blockElements, blockBytes, layout: blockTypes[name] };
}

/** Number in the file → type. Source: `ggml_type` of llama.cpp's ggml.h. */
export const ggmlTypes: ReadonlyMap<number, GgmlType> = new Map([
  [0, plain("F32", "f32", 4)],
  [1, plain("F16", "f16", 2)],
  [2, blocks("Q4_0")],
  [3, blocks("Q4_1")],
  [6, blocks("Q5_0")],
  [7, blocks("Q5_1")],
  [8, blocks("Q8_0")],
  [10, blocks("Q2_K")],
  [11, blocks("Q3_K")],
  [12, blocks("Q4_K")],
  [13, blocks("Q5_K")],
  [14, blocks("Q6_K")],
  [20, blocks("IQ4_NL")],
  [23, blocks("IQ4_XS")],
  [30, plain("BF16", "bf16", 2)],
  [39, blocks("MXFP4")],
]);

/** The usual mixes of types by the number in `general.file_type`. Source: `llama_ftype` of llama.cpp's llama.h. */
export const ggufMixes: ReadonlyMap<number, string> = new Map([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [7, "Q8_0"],
  [8, "Q5_0"],
  [9, "Q5_1"],
  [10, "Q2_K"],
  [11, "Q3_K_S"],
  [12, "Q3_K_M"],
  [13, "Q3_K_L"],
  [14, "Q4_K_S"],
  [15, "Q4_K_M"],
  [16, "Q5_K_S"],
  [17, "Q5_K_M"],
  [18, "Q6_K"],
  [21, "Q2_K_S"],
  [25, "IQ4_NL"],
  [30, "IQ4_XS"],
  [32, "BF16"],
  [38, "MXFP4_MOE"],
]);
