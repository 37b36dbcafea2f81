/** GGML's storage types that can be read here, by their number in a GGUF file. */
import { byteSize, type DType } from "../../tensor/mod.ts";
import { blockTypes } from "../blocks/types.ts";
import type { Layout } from "../entry.ts";

/** A storage type. A row holds whole blocks. */
export interface GgmlType {
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
  readonly layout: Layout;
}

/** Names by number. Source: `ggml_type` of llama.cpp's ggml.h. */
const NAMES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  20: "IQ4_NL",
  23: "IQ4_XS",
  30: "BF16",
  39: "MXFP4",
};

/** A name that is not a type of blocks is that of a dtype. */
function typeNamed(name: string): GgmlType {
  if (Object.hasOwn(blockTypes, name)) return { name, ...blockTypes[name], layout: blockTypes[name] };
  const dtype = name.toLowerCase() as DType;
  return { name, blockElements: 1, blockBytes: byteSize(dtype), layout: { dtype } };
}

/** Number in the file → type. */
export const ggmlTypes: ReadonlyMap<number, GgmlType> = new Map(
  Object.entries(NAMES).map(([number, name]) => [Number(number), typeNamed(name)]),
);

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
