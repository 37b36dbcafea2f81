/** A matrix [N, K] that several tensors of a file are together, under its plain name `X.weight`. */
import type { BlockFormat } from "../../tensor/mod.ts";
import type { Derived, Rows } from "../derived.ts";
import type { PagedFile } from "../file.ts";
import { quote } from "../limits.ts";

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
export type AwqPacking = { readonly method: "awq"; readonly groupSize: number | null };

/** FP8 (E4M3): a scale for each block of a matrix, or one for all of it (null). */
export interface Fp8Packing {
  readonly method: "fp8";
  readonly block: readonly [rows: number, columns: number] | null;
}

/** One packed matrix, whose tensors have been checked. */
export interface PackedMatrix {
  /** Its storage type in tables: "GPTQ 4 bit". */
  readonly type: string;
  readonly shape: readonly [rows: number, columns: number];
  /** The tensors that it is made of. */
  readonly parts: readonly string[];
  read(rows: Rows, out: Float32Array): Promise<void>;
  /** Rows as they are stored, where they are blocks of whole numbers: widened, they are what `read` writes. */
  readonly blocks?: {
    readonly format: BlockFormat;
    readonly read: NonNullable<Derived["blocks"]>;
  } | undefined;
}

/** A checkpoint's file, and its name in errors. */
export type Checkpoint = { readonly name: string; readonly file: PagedFile };

/** The matrices that have a tensor whose name ends so, by their plain names. */
export async function matricesWith(
  ending: string,
  { file }: Checkpoint,
  make: (stem: string) => PackedMatrix | Promise<PackedMatrix>,
  plain = ".weight",
): Promise<[name: string, PackedMatrix][]> {
  const names = [...file.tensors.keys()].filter((name) => name.endsWith(ending));
  const stems = names.map((name) => name.slice(0, -ending.length));
  return await Promise.all(
    stems.map(async (stem): Promise<[string, PackedMatrix]> => [stem + plain, await make(stem)]),
  );
}

export function unfit(name: string, tensor: string, found: string, expected: string): TypeError {
  return new TypeError(`Cannot read ${name}: tensor ${quote(tensor)} ${found}, expected ${expected}`);
}

/** Checks a part of a matrix. Throws `TypeError` where it is missing or of another type or shape. */
export function part(
  { name, file }: Checkpoint,
  tensor: string,
  types: readonly string[],
  shape: readonly number[],
): void {
  const found = file.tensors.get(tensor);
  const expected = `${types.join(" or ")} [${shape}]`;
  if (!found) {
    const why = file.lacking.get(tensor);
    throw unfit(name, tensor, `is missing${why === undefined ? "" : ` (${why})`}`, expected);
  }
  if (types.includes(found.type) && found.shape.join() === shape.join()) return;
  throw unfit(name, tensor, `is ${found.type} [${found.shape}]`, expected);
}

/** The sides of a matrix of some type. Throws `TypeError` for another type, other axes, or an empty side. */
export function sides({ name, file }: Checkpoint, tensor: string, type: string): readonly [number, number] {
  const { type: own, shape } = file.tensors.get(tensor)!;
  if (own === type && shape.length === 2 && shape[0] > 0 && shape[1] > 0) return [shape[0], shape[1]];
  throw unfit(name, tensor, `is ${own} [${shape}]`, `a matrix of ${type}`);
}

export const FLOATS = ["F16", "BF16", "F32"];
