/** The place of a tensor in a file, as the reader of a header finds it. */
import { type BlockMatrix, type DType, elements, emptyMatrix } from "../tensor/mod.ts";
import { type Blocks, blockTypes } from "./blocks/types.ts";
import type { FileBytes } from "./bytes.ts";
import { quote } from "./limits.ts";
import type { TensorInfo } from "./source.ts";
import type { Decoders } from "./blocks/decoders.ts";

/** The layout of elements in a file: an array of a dtype, blocks to decode to float32, or an unknown type. */
export type Layout =
  | { readonly dtype: DType }
  | { readonly dtype: null; /** The types that can be read. */ readonly expected: string }
  | Blocks & { readonly dtype?: undefined };

/** The place of one tensor. The range [start, start + info.bytes) has been checked to be inside the file. */
export interface Entry {
  readonly info: Omit<TensorInfo, "dtype">;
  readonly file: FileBytes;
  readonly start: number;
  readonly layout: Layout;
}

/** Gives an array of `length` elements that values go into; what it holds is written over. */
export type Allocate = (length: number) => Float32Array<ArrayBuffer>;

export const newArray: Allocate = (length) => new Float32Array(length);

/** Throws where rows are no range of a tensor's own; `file` names the file in errors. */
export function checkRows(
  name: string,
  { info, file }: { readonly info: Pick<TensorInfo, "shape">; readonly file: Pick<FileBytes, "name"> },
  [from, to]: readonly [number, number],
): void {
  const count = info.shape[0];
  if (count === undefined) {
    throw new TypeError(
      `Cannot read rows of ${quote(name)} in ${file.name}: found a scalar, expected a first axis`,
    );
  }
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > count) {
    throw new RangeError(
      `Cannot read rows [${from}, ${to}) of ${quote(name)} in ${file.name}: expected a range within [0, ` +
        `${count}]`,
    );
  }
}

/** The format of a tensor whose rows are whole blocks; undefined for any other. */
export function formatIn({ type, shape }: Entry["info"]) {
  const { format } = Object.hasOwn(blockTypes, type) ? blockTypes[type] : {};
  return shape.length >= 2 && format && shape.at(-1)! % format.size === 0 ? format : undefined;
}

/** Rows of the first axis as a matrix; several matrices of a stack come one after the other. */
export async function readBlocks(
  decoders: Decoders,
  name: string,
  entry: Entry,
  rows: readonly [number, number] | undefined,
  allocate: Allocate = newArray,
): Promise<BlockMatrix> {
  const { info, file, start } = entry;
  const format = formatIn(info);
  if (!format) {
    throw new TypeError(
      `Cannot read ${quote(name)} in ${file.name} in blocks: found ${info.type} [${info.shape}], expected ` +
        "a matrix in blocks",
    );
  }
  if (rows) checkRows(name, entry, rows);
  const [first, ...rest] = info.shape;
  const [from, to] = rows ?? [0, first];
  const columns = rest.at(-1)!;
  const count = (to - from) * elements(rest.slice(0, -1));
  const bytes = info.bytes / first;
  const [begin, end] = [start + from * bytes, start + to * bytes];
  const matrix = emptyMatrix(format, [count, columns], allocate);
  await decoders.repack(info.type, await file.read(begin, end), matrix);
  file.forget(begin, end);
  return matrix;
}
