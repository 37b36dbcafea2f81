/**
 * A checkpoint as a `WeightSource`: the tensors of one layer at a time, under a model's names.
 *
 * Decoded float32 values and blocks live in arrays that return to a pool with the lease and serve the next layer, which has the
 * same shapes: memory stays that of the open leases.
 */
import {
  blockColumns,
  type BlockFormat,
  type BlockMatrix,
  blockRows,
  orderedRows,
  type Tensor,
} from "../tensor/mod.ts";
import { cutTensor, tensorRows } from "./cut.ts";
import { quote } from "./limits.ts";
import type { Allocate } from "./entry.ts";
import type { PagedFile } from "./file.ts";
import type { Cut, KeepsBlocks, Lease, TensorFile, WeightSource } from "./source.ts";

/** A tensor of the file, and how to turn it into the model's. */
export interface TensorRef {
  readonly name: string;
  /** The rows that are the model's tensor, and the number of all rows; absent for all of them. */
  readonly rows?: { readonly start: number; readonly end: number; readonly of: number } | undefined;
  /** Which of those that the file's tensor has along its first axis, which goes; all of them by default. Rows are of that one. */
  readonly at?: number | undefined;
  /** Which of the rows is each of the model's: of a number of rows, their order. */
  readonly order?: ((rows: number) => ArrayLike<number>) | undefined;
  /**
   * Returns the model's tensor, or the requested rows of it. The input may be a view of the file: never
   * write to it. Arrays from `allocate` are used again after the lease.
   */
  readonly transform?: ((tensor: Tensor, allocate: Allocate) => Tensor) | undefined;
}

/** Where a model finds its weights in a file. */
interface LayeredOptions {
  readonly file: TensorFile & Partial<Pick<PagedFile, "forget">>;
  readonly layers: number;
  /** Name relative to layer l ("attention.q_proj.weight") and tensor of everything in it. */
  layer(l: number): Iterable<readonly [string, TensorRef]>;
  /** Name → tensor outside the layers. */
  readonly outer: Readonly<Record<string, TensorRef>>;
}

/** The source over a file; closing it closes the file. */
export function layered({ file, layers, layer: refsOf, outer }: LayeredOptions): WeightSource {
  const paged: Pick<PagedFile, "read"> & Partial<Pick<PagedFile, "blocks">> = file; // a plain TensorFile ignores `allocate`
  const pool = bufferPool();

  const read = (ref: TensorRef, allocate: Allocate, rows?: readonly [number, number]) =>
    readRef(paged, ref, allocate, rows);
  async function readCut(ref: TensorRef, allocate: Allocate, cut: Cut | null): Promise<Tensor> {
    if (!cut) return await read(ref, allocate);
    if (isRows(ref, cut) && !ref.transform) return await read(ref, allocate, [cut.start, cut.end]);
    return cutTensor(await read(ref, allocate), cut);
  }
  function layerRefs(l: number): (readonly [string, TensorRef])[] {
    if (Number.isInteger(l) && l >= 0 && l < layers) return [...refsOf(l)];
    throw new RangeError(`Cannot read layer ${l}: expected an integer from 0 to ${layers - 1}`);
  }
  const byName: Map<string, TensorRef>[] = [];
  function find(l: number | null, name: string): TensorRef {
    if (l === null) {
      if (Object.hasOwn(outer, name)) return outer[name];
      throw new RangeError(`Cannot read ${quote(name)}: expected one of ${Object.keys(outer).join(", ")}`);
    }
    const ref = (byName[l] ??= new Map(layerRefs(l))).get(name);
    if (ref) return ref;
    throw new RangeError(`Cannot read ${quote(name)} of layer ${l}: this layer has no such tensor`);
  }
  /** The blocks in which a tensor can be had; undefined where there are none, or where they are computed with before. */
  function blocksOf({ name, transform }: TensorRef): BlockFormat | undefined {
    return transform || !paged.blocks ? undefined : file.tensors.get(name)?.blocks;
  }
  function namesOf(refs: Iterable<readonly [string, TensorRef]>): string[] {
    return Array.from(refs).filter(([, { at }]) => at === undefined).map(([, { name }]) => name);
  }
  /** The matrix in blocks, cut; null where it is not stored or not wanted so, or where a cut parts a block. */
  async function readBlocks(
    ref: TensorRef,
    keeps: KeepsBlocks,
    cut: Cut | null,
    allocate?: Allocate,
  ): Promise<BlockMatrix | null> {
    const format = blocksOf(ref);
    if (!format || !paged.blocks || !keeps(format)) return null;
    const { at, rows } = ref;
    if (cut && isRows(ref, cut)) {
      return await paged.blocks(ref.name, rowsIn(ref, [cut.start, cut.end]), allocate);
    }
    const unordered = pool.borrow();
    const first = ref.order ? unordered.allocate : allocate;
    const stored = await paged.blocks(ref.name, entryOf(ref) ?? rowsIn(ref), first);
    const own = at !== undefined && rows ? blockRows(stored, rows.start, rows.end) : stored;
    const matrix = ref.order ? orderedRows(own, ref.order(own.shape[0]), allocate) : own;
    unordered.giveBack();
    if (!cut) return matrix;
    return cut.axis === 0 ? blockRows(matrix, cut.start, cut.end) : blockColumns(matrix, cut.start, cut.end);
  }
  async function lease(
    refs: readonly (readonly [string, TensorRef])[],
    keeps: KeepsBlocks | undefined,
    cuts: ReadonlyMap<string, Cut | null> | null,
    started: () => void = () => {},
  ): Promise<Lease> {
    const loan = pool.borrow();
    const reading = refs.map(async ([name, ref]) => {
      const cut = cuts?.get(name) ?? null;
      const matrix = keeps ? await readBlocks(ref, keeps, cut, loan.allocate) : null;
      return { name, matrix, tensor: matrix ? null : await readCut(ref, loan.allocate, cut) };
    });
    started();
    const found = await Promise.all(reading);
    const tensors = new Map(found.flatMap(({ name, tensor }) => tensor ? [[name, tensor]] : []));
    const blocks = new Map(found.flatMap(({ name, matrix }) => matrix ? [[name, matrix]] : []));
    return {
      tensors,
      blocks,
      release() {
        if (!loan.giveBack()) return;
        for (const [, ref] of refs) file.forget?.([ref.name], entryOf(ref));
      },
    };
  }

  return {
    format: file.format,
    get isInBlocks() {
      return Array.from({ length: layers }, (_, l) => [...refsOf(l)]).flat()
        .some(([, ref]) => blocksOf(ref) !== undefined);
    },
    storage(l, name) {
      const ref = find(l, name);
      const blocks = blocksOf(ref);
      const { dtype, type, isSplit } = file.tensors.get(ref.name) ?? {};
      return { dtype: ref.transform ? "f32" : dtype ?? "f32", type, blocks, isSplit };
    },
    async layer(l, keeps) {
      // The next layer is announced after this layer's own reads have started.
      const announce = () => l + 1 < layers && file.prefetch(namesOf(layerRefs(l + 1)));
      const made = await lease(layerRefs(l), keeps, null, announce);
      pool.dropIdle(); // a layer whose tensors are of other types has left what this one cannot use
      return made;
    },
    // deno-lint-ignore require-await -- throws as a rejection
    async part(l, cuts, keeps) {
      return lease([...cuts.keys()].map((name) => [name, find(l, name)] as const), keeps, cuts);
    },
    // deno-lint-ignore require-await -- throws as a rejection
    async outer(name, rows, into) {
      return read(
        find(null, name),
        (length) => into?.length === length ? into : new Float32Array(length),
        rows,
      );
    },
    // deno-lint-ignore require-await -- throws as a rejection
    async outerBlocks(name, keeps) {
      return Object.hasOwn(outer, name) ? readBlocks(outer[name], keeps, null) : null;
    },
    close: () => file.close(),
  };
}

/** The model's tensor out of the file; or some of its rows, of one that is neither transformed nor one of several. */
export async function readRef(
  file: Pick<PagedFile, "read">,
  ref: TensorRef,
  allocate: Allocate,
  rows?: readonly [number, number],
): Promise<Tensor> {
  const entry = entryOf(ref);
  const tensor = entry
    ? within(ref, await file.read(ref.name, entry, allocate))
    : await file.read(ref.name, rowsIn(ref, rows), allocate);
  const ordered = ref.order ? tensorRows(tensor, ref.order(tensor.shape[0]), allocate) : tensor;
  return ref.transform ? ref.transform(ordered, allocate) : ordered;
}

/** Whether a cut is of rows that come one after the other in the file's tensor. */
const isRows = ({ order, at }: TensorRef, { axis }: Cut): boolean => axis === 0 && !order && at === undefined;

/** The entry of the file's tensor that the model's is, as rows of it; nothing where it is no single one. */
function entryOf({ at }: TensorRef): readonly [number, number] | undefined {
  return at === undefined ? undefined : [at, at + 1];
}

/** Rows of a model's tensor as rows of the file's. */
export function rowsIn(
  { rows: own }: TensorRef,
  rows?: readonly [number, number],
): readonly [number, number] | undefined {
  if (!own) return rows;
  return rows ? [own.start + rows[0], own.start + rows[1]] : [own.start, own.end];
}

/** The model's rows of a tensor of which the first axis has one entry, without that axis. */
function within({ rows }: TensorRef, { shape: [, ...shape], ...stored }: Tensor): Tensor {
  const tensor = { ...stored, shape };
  return rows ? cutTensor(tensor, { axis: 0, ...rows }) : tensor;
}

/** Gives memory back at once, whenever garbage is collected. */
function drop(arrays: readonly Float32Array<ArrayBuffer>[]): void {
  for (const { buffer } of arrays) buffer.transfer(0);
}

/** Float32 arrays by length, to be used again. */
export function bufferPool() {
  const free = new Map<number, Float32Array<ArrayBuffer>[]>();
  return {
    /** Gives back to the system what nobody has borrowed. */
    dropIdle(): void {
      for (const arrays of free.values()) drop(arrays);
      free.clear();
    },
    borrow() {
      const lent: Float32Array<ArrayBuffer>[] = [];
      let out = true;
      return {
        allocate(length: number) {
          const array = free.get(length)?.pop() ?? new Float32Array(length);
          lent.push(array);
          return array;
        },
        /** Whether this was the first call: a second one must not take what others have borrowed since. */
        giveBack(): boolean {
          if (!out) return false;
          out = false;
          for (const [length, arrays] of Map.groupBy(lent.splice(0), ({ length }) => length)) {
            // As many as one lease takes: of several that were open side by side, only the memory of one stays.
            const all = [...free.get(length) ?? [], ...arrays];
            free.set(length, all.slice(0, arrays.length));
            drop(all.slice(arrays.length));
          }
          return true;
        },
      };
    },
  };
}
