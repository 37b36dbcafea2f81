/** Tensors that are made of others of a file: packed matrices, experts in four bits, a matrix that is stored in two parts. */
import type { BlockMatrix, Tensor } from "../tensor/mod.ts";
import { type Allocate, checkRows, newArray } from "./entry.ts";
import type { PagedFile } from "./file.ts";
import type { TensorInfo } from "./source.ts";

/** Rows [first, end) of a tensor. */
export type Rows = readonly [first: number, end: number];

/** A tensor that some tensors of a file are together; its bytes are theirs. */
export interface Derived {
  readonly info: Omit<TensorInfo, "bytes">;
  readonly parts: readonly string[];
  /** Whether the rows of its parts are its own. */
  readonly isByRow?: true;
  read(rows: Rows, allocate: Allocate): Promise<Tensor>;
  blocks?(rows: Rows, allocate: Allocate): Promise<BlockMatrix>;
}

/** The file with such tensors in place of their parts. `name` names it in errors. */
export function withDerived<File extends PagedFile>(
  file: File,
  derived: ReadonlyMap<string, Derived>,
  name: string,
): File {
  const partsOf = (tensor: string) => derived.get(tensor)?.parts ?? [tensor];
  const rowsOf = (tensor: string, { info }: Derived, rows: Rows | undefined): Rows => {
    if (rows) checkRows(tensor, { info, file: { name } }, rows);
    return rows ?? [0, info.shape[0]];
  };
  const infoOf = ({ info, parts }: Derived): TensorInfo => (
    { ...info, bytes: parts.reduce((sum, part) => sum + file.tensors.get(part)!.bytes, 0) }
  );
  const tensors = new Map(file.tensors);
  for (const { parts } of derived.values()) parts.forEach((part) => tensors.delete(part));
  for (const [tensor, own] of derived) tensors.set(tensor, infoOf(own));
  return {
    ...file,
    tensors,
    async read(tensor, rows, allocate = newArray) {
      const own = derived.get(tensor);
      return own
        ? await own.read(rowsOf(tensor, own, rows), allocate)
        : await file.read(tensor, rows, allocate);
    },
    async blocks(tensor, rows, allocate = newArray) {
      const own = derived.get(tensor);
      if (!own?.blocks) return await file.blocks(tensor, rows, allocate);
      return await own.blocks(rowsOf(tensor, own, rows), allocate);
    },
    stored(tensor, range) {
      if (!derived.has(tensor)) return file.stored(tensor, range);
      throw new TypeError(`Cannot read the bytes of ${tensor} in ${name}: it is several tensors`);
    },
    prefetch: (names) => file.prefetch([...names].flatMap(partsOf)),
    forget(names, rows) {
      for (const tensor of names) {
        const own = derived.get(tensor);
        file.forget(partsOf(tensor), own && !own.isByRow ? undefined : rows);
      }
    },
  };
}
