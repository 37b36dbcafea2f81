/** A matrix [N, K] that several tensors of a file are together, under its plain name `X.weight`. */
import type { BlockFormat, BlockMatrix } from "../../tensor/mod.ts";
import type { Allocate } from "../entry.ts";
import type { PagedFile } from "../file.ts";
import { quote } from "../limits.ts";

/** Rows [first, end) of a matrix. */
export type Rows = readonly [first: number, end: number];

/** One packed matrix, whose tensors have been checked. */
export interface PackedMatrix {
  /** Its storage type in tables: "GPTQ 4 bit". */
  readonly type: string;
  readonly shape: readonly [rows: number, columns: number];
  /** The tensors that it is made of. */
  readonly parts: readonly string[];
  /** Writes rows as float32. */
  read(rows: Rows, out: Float32Array): Promise<void>;
  /** Rows as they are stored, where they are blocks of whole numbers: widened, they are what `read` writes. */
  readonly blocks?: {
    readonly format: BlockFormat;
    read(rows: Rows, allocate: Allocate): Promise<BlockMatrix>;
  } | undefined;
}

/** A checkpoint's file, and its name in errors. */
export interface Checkpoint {
  readonly name: string;
  readonly file: PagedFile;
}

/** Matrices whose words are `X.qweight`, by plain name. */
export function matricesOfWords(
  { file }: Checkpoint,
  make: (stem: string) => PackedMatrix,
): Map<string, PackedMatrix> {
  const stems = [...file.tensors.keys()].flatMap((name) => /^(.*)\.qweight$/.exec(name)?.[1] ?? []);
  return new Map(stems.map((stem) => [`${stem}.weight`, make(stem)]));
}

/** An error about one tensor of a checkpoint. */
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

/** Types of scales. */
export const FLOATS = ["F16", "BF16", "F32"];
