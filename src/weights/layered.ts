/**
 * A checkpoint as a `WeightSource`: the tensors of one layer at a time, under a model's names.
 *
 * Decoded float32 values live in arrays that return to a pool with the lease and serve the next layer, which has the
 * same shapes: memory stays that of the open leases.
 */
import type { Tensor } from "../tensor/mod.ts";
import { cutTensor } from "./cut.ts";
import { quote } from "./limits.ts";
import type { Allocate, PagedFile } from "./file.ts";
import type { Cut, Lease, TensorFile, WeightSource } from "./source.ts";

/** A tensor of the file, and how to turn it into the model's. */
export interface TensorRef {
  /** The file's name. */
  readonly name: string;
  /** The rows that are the model's tensor, and the number of all rows; absent for all of them. */
  readonly rows?: { readonly start: number; readonly end: number; readonly of: number } | undefined;
  /** Which of those that the file's tensor has along its first axis, which goes; all of them by default. Rows are of that one. */
  readonly at?: number | undefined;
  /**
   * Returns the model's tensor, or the requested rows of it. The input may be a view of the file: never
   * write to it. Arrays from `allocate` are used again after the lease.
   */
  readonly transform?: ((tensor: Tensor, allocate: Allocate) => Tensor) | undefined;
}

/** Where a model finds its weights in a file. */
export interface LayeredOptions {
  readonly file: TensorFile & Partial<Pick<PagedFile, "forget">>;
  /** Number of layers. */
  readonly layers: number;
  /** Name relative to layer l ("attention.q_proj.weight") and tensor of everything in it. */
  layer(l: number): Iterable<readonly [string, TensorRef]>;
  /** Name → tensor outside the layers. */
  readonly outer: Readonly<Record<string, TensorRef>>;
}

/** The source over a file; closing it closes the file. */
export function layered({ file, layers, layer: refsOf, outer }: LayeredOptions): WeightSource {
  const paged: Pick<PagedFile, "read"> = file; // a plain TensorFile ignores `allocate`
  const pool = bufferPool();

  const read = (ref: TensorRef, allocate: Allocate, rows?: readonly [number, number]) =>
    readRef(paged, ref, allocate, rows);
  async function readCut(ref: TensorRef, allocate: Allocate, cut: Cut | null): Promise<Tensor> {
    if (!cut) return await read(ref, allocate);
    const isRows = cut.axis === 0 && !ref.transform && ref.at === undefined;
    if (isRows) return await read(ref, allocate, [cut.start, cut.end]);
    return cutTensor(await read(ref, allocate), cut);
  }
  function layerRefs(l: number): (readonly [string, TensorRef])[] {
    if (Number.isInteger(l) && l >= 0 && l < layers) return [...refsOf(l)];
    throw new RangeError(`Cannot read layer ${l}: expected an integer from 0 to ${layers - 1}`);
  }
  /** Names of tensors that belong to one layer. */
  function namesOf(refs: Iterable<readonly [string, TensorRef]>): string[] {
    return Array.from(refs).filter(([, { at }]) => at === undefined).map(([, { name }]) => name);
  }
  async function lease(
    refs: readonly (readonly [string, TensorRef])[],
    reading: (ref: TensorRef, allocate: Allocate, name: string) => Promise<Tensor>,
    started: () => void = () => {},
  ): Promise<Lease> {
    const loan = pool.borrow();
    const tensors = refs.map(async ([name, ref]) => [name, await reading(ref, loan.allocate, name)] as const);
    started();
    return {
      tensors: new Map(await Promise.all(tensors)),
      release() {
        if (!loan.giveBack()) return;
        for (const [, ref] of refs) file.forget?.([ref.name], entryOf(ref));
      },
    };
  }

  return {
    format: file.format,
    // deno-lint-ignore require-await -- throws as a rejection
    async layer(l) {
      // The next layer is announced after this layer's own reads have started.
      const announce = () => l + 1 < layers && file.prefetch(namesOf(layerRefs(l + 1)));
      return lease(layerRefs(l), (ref, allocate) => read(ref, allocate), announce);
    },
    // deno-lint-ignore require-await -- throws as a rejection
    async part(l, cuts) {
      const refs = new Map(layerRefs(l));
      const wanted = [...cuts.keys()].map((name) => {
        const ref = refs.get(name);
        if (ref) return [name, ref] as const;
        throw new RangeError(`Cannot read ${quote(name)} of layer ${l}: this layer has no such tensor`);
      });
      return lease(wanted, (ref, allocate, name) => readCut(ref, allocate, cuts.get(name)!));
    },
    // deno-lint-ignore require-await -- throws as a rejection
    async outer(name, rows, into) {
      if (!Object.hasOwn(outer, name)) {
        throw new RangeError(`Cannot read ${quote(name)}: expected one of ${Object.keys(outer).join(", ")}`);
      }
      return read(outer[name], (length) => into?.length === length ? into : new Float32Array(length), rows);
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
  return ref.transform ? ref.transform(tensor, allocate) : tensor;
}

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

/** Float32 arrays by length, to be used again. */
function bufferPool() {
  const free = new Map<number, Float32Array<ArrayBuffer>[]>();
  return {
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
          for (const array of lent) {
            const same = free.get(array.length);
            if (same) same.push(array);
            else free.set(array.length, [array]);
          }
          return true;
        },
      };
    },
  };
}
