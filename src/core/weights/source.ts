/**
 * Weights, seen from above.
 *
 * A format's reader returns a `TensorFile`: the named tensors of one checkpoint, under the file's own names.
 * A `WeightSource` is what a run reads from: the tensors of one layer at a time, under Hugging Face's names,
 * wherever they come from (a mapped file, dequantised blocks, a generator, ranges of a remote file).
 */
import type { BlockFormat, BlockMatrix, DType, NormalRows, Tensor } from "../tensor/mod.ts";

/** A stored tensor before its bytes are read. */
export interface TensorInfo {
  /** Storage type as its format spells it: "F32", "BF16", "Q4_1", … */
  readonly type: string;
  /** Type of the elements that `read` gives; null where the storage type cannot be read. */
  readonly dtype: DType | null;
  /** Row-major, outermost axis first (GGUF's reversed order is undone). */
  readonly shape: readonly number[];
  readonly bytes: number;
  /** What `blocks` gives of it; absent where it is not stored in blocks. */
  readonly blocks?: BlockFormat | undefined;
  /** Whether its file has several tensors of other shapes in its place, so that no type is its own. */
  readonly isSplit?: true | undefined;
}

/** The named tensors of one checkpoint. */
export interface TensorFile {
  /** Its name in tables: "safetensors BF16", "GGUF Q4_1" (the type of most of the bytes). */
  readonly format: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Tensors that the checkpoint's index lists and no file has, and why. */
  readonly lacking: ReadonlyMap<string, string>;
  /**
   * One tensor, or rows [start, end) of its first axis. F32, F16, BF16 and integers come as they are stored
   * (a view of the mapped file where possible: never write to it); F64 and quantised types come as float32.
   * Throws if the name is unknown, the type cannot be read, or the rows are out of range.
   */
  read(name: string, rows?: readonly [number, number]): Promise<Tensor>;
  /** A matrix in blocks as it is stored, or rows [start, end) of it (of a stack of matrices: one after the other). Absent where no tensor is in blocks. */
  blocks?(name: string, rows?: readonly [number, number]): Promise<BlockMatrix>;
  /** Announces that these tensors will be read soon; returns at once. */
  prefetch(names: Iterable<string>): void;
  /** Releases the files. Views that were handed out stay valid. */
  close(): void;
}

/** Tensors on loan: valid until `release()`, after which their memory may be used again. */
export interface Lease {
  /** Name relative to its layer ("attention.q_proj.weight") → tensor. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Those that the taker wanted in blocks, in place of tensors. */
  readonly blocks?: ReadonlyMap<string, BlockMatrix> | undefined;
  release(): void;
}

/** A tensor of normal numbers that a device makes by itself: its rows, as `fillRows` makes them. */
export type Drawn = { readonly shape: readonly number[]; readonly rows: NormalRows };

/** Indices [start, end) of one axis of a tensor. */
export type Cut = { readonly axis: 0 | 1; readonly start: number; readonly end: number };

/** How a tensor is stored: in blocks, which leases widen to float32 where they are not wanted, or as numbers of a type. */
export interface Storage extends Pick<TensorInfo, "blocks" | "isSplit"> {
  readonly dtype: DType;
  /** As its file spells it; undefined where it is in none. */
  readonly type?: string | undefined;
}

/** Which blocks are wanted as they are stored; others, and all by default, are widened to float32. */
export type KeepsBlocks = (format: BlockFormat) => boolean;

/** Where a run's weights come from. */
export interface WeightSource {
  /** Its name in tables: "GGUF Q4_1", "random normal", … */
  readonly format: string;
  /** Whether matrices of layers are stored in blocks. */
  readonly isInBlocks?: boolean | undefined;
  /** How a tensor of layer l, or one outside the layers (null), is stored; nothing of it is read. */
  storage(l: number | null, name: string): Storage;
  /** All tensors of layer l. A call for layer l lets the source read ahead to l + 1. */
  layer(l: number, keeps?: KeepsBlocks): Promise<Lease>;
  /** Some tensors of layer l, cut (null: whole), without the rest: an expert of a mixture, a part of a layer that is large. */
  part(l: number, cuts: ReadonlyMap<string, Cut | null>, keeps?: KeepsBlocks): Promise<Lease>;
  /** As `part`, for a device that makes random numbers by itself: their definitions instead of the numbers. Absent if weights are stored. */
  drawn?(l: number, cuts: ReadonlyMap<string, Cut | null>): ReadonlyMap<string, Drawn | Tensor>;
  /** Rows [start, end) of a tensor outside the layers ("embedding.weight", "final_norm.weight", "head.weight"). */
  outer(name: string, rows?: readonly [number, number], into?: Float32Array<ArrayBuffer>): Promise<Tensor>;
  /** A tensor outside the layers in blocks, in arrays of the taker's own; null where it is not stored so, or not wanted so. Absent where none is. */
  outerBlocks?(name: string, keeps: KeepsBlocks): Promise<BlockMatrix | null>;
  close(): void;
}
