/** The place of a tensor in a file, as the reader of a header finds it. */
import type { DType } from "../tensor/mod.ts";
import type { Blocks } from "./blocks/dequantize.ts";
import type { FileBytes } from "./bytes.ts";
import { quote } from "./limits.ts";
import type { TensorInfo } from "./source.ts";

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

/** New arrays. */
export const newArray: Allocate = (length) => new Float32Array(length);

/** Throws where rows are no range of a tensor's own; `file` names the file in errors. */
export function checkRows(
  name: string,
  { info, file }: {
    readonly info: Pick<TensorInfo, "shape">;
    readonly file: Pick<FileBytes, "name">;
  },
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
      `Cannot read rows [${from}, ${to}) of ${
        quote(name)
      } in ${file.name}: expected a range within [0, ${count}]`,
    );
  }
}
