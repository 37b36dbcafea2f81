/** How the matrices of a folder are packed, as far as the tensors alone do not tell: its `quantization_config`, read. */
export type Packing = GptqPacking | AwqPacking | { readonly method: "bitsandbytes" } | Fp8Packing;

/** GPTQ: whole numbers with a scale and a zero for each group of a column, in 32-bit words along the columns. */
export interface GptqPacking {
  readonly method: "gptq";
  readonly bits: 4 | 8;
  /** Columns that share a scale; null where all columns do. */
  readonly groupSize: number | null;
  /** Whether groups are of columns here and there, as `g_idx` says (`desc_act`). */
  readonly scattered: boolean;
  /** Whether every zero is the middle (`sym`). */
  readonly symmetric: boolean;
  /** Whether zeros are stored less one (checkpoint_format "gptq") or as they are ("gptq_v2"). */
  readonly zerosLessOne: boolean;
}

/** AWQ ("gemm"): as GPTQ of 4 bits, in words along the rows. */
export interface AwqPacking {
  readonly method: "awq";
  readonly groupSize: number | null;
}

/** FP8 (E4M3): a scale for each block of a matrix, or one for all of it (null). */
export interface Fp8Packing {
  readonly method: "fp8";
  readonly block: readonly [rows: number, columns: number] | null;
}
