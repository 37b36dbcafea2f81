/** Changes of stored tensors, one upon the other. */
import type { DType } from "../../tensor/mod.ts";
import type { PagedFile } from "../../weights/mod.ts";
import { type Source, sourceIn } from "./source.ts";

export interface Edits {
  /** The tensor as it is after all changes so far. */
  get(name: string): Source;
  /** Whether there is such a tensor, of numbers: experts in four bits are bytes of two tensors. */
  has(name: string): boolean;
  set(name: string, source: Source): void;
  /** The tensors that differ from the file's. */
  readonly made: ReadonlyMap<string, Source>;
}

const FLOATS: readonly (DType | null)[] = ["f32", "f16", "bf16"];

/** No changes yet. */
export function editsOf(file: PagedFile): Edits {
  const made = new Map<string, Source>();
  return {
    get: (name) => made.get(name) ?? sourceIn(file, name),
    has: (name) => made.has(name) || FLOATS.includes(file.tensors.get(name)?.dtype ?? null),
    set: (name, source) => void made.set(name, source),
    made,
  };
}
