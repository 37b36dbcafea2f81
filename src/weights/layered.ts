/**
 * A checkpoint as a `WeightSource`: the tensors of one layer at a time, under a model's names.
 *
 * What a layer needs besides views of the file, decoded float32, lives in arrays that return to a pool with the
 * lease and serve the next layer, which has the same shapes: memory stays that of the open leases.
 */
import type { Tensor } from "../tensor/mod.ts";
import { quote } from "./errors.ts";
import type { Allocate, PagedFile } from "./file.ts";
import type { Lease, TensorFile, WeightSource } from "./source.ts";

/** A tensor of the file, and how to turn it into the model's. */
export interface TensorRef {
  /** The file's name. */
  readonly name: string;
  /** Which of its rows are the model's tensor, and how many it has in all; absent for all of them. */
  readonly rows?: { readonly start: number; readonly end: number; readonly of: number } | undefined;
  /**
   * Gives the model's tensor, or rows of it where rows were asked for. The input may be a view of the file: never
   * write to it. Arrays from `allocate` are used again after the lease.
   */
  readonly transform?: ((tensor: Tensor, allocate: Allocate) => Tensor) | undefined;
}

/** Where a model finds its weights in a file. */
export interface LayeredOptions {
  readonly file: TensorFile & Partial<Pick<PagedFile, "forget">>;
  /** Number of layers. */
  readonly layers: number;
  /** Name relative to layer l ("self_attn.q_proj.weight") and tensor of everything in it. */
  layer(l: number): Iterable<readonly [string, TensorRef]>;
  /** Name → tensor outside the layers. */
  readonly outer: Readonly<Record<string, TensorRef>>;
}

/** The source over a file; closing it closes the file. */
export function layered({ file, layers, layer: refsOf, outer }: LayeredOptions): WeightSource {
  const paged: Pick<PagedFile, "read"> = file; // a plain TensorFile ignores `allocate`
  const pool = bufferPool();

  async function read(ref: TensorRef, allocate: Allocate, rows?: readonly [number, number]): Promise<Tensor> {
    const tensor = await paged.read(ref.name, rowsIn(ref, rows), allocate);
    return ref.transform ? ref.transform(tensor, allocate) : tensor;
  }
  function namesOf(l: number): string[] {
    return Array.from(refsOf(l), ([, ref]) => ref.name);
  }

  return {
    format: file.format,
    async layer(l): Promise<Lease> {
      if (!Number.isInteger(l) || l < 0 || l >= layers) {
        throw new RangeError(`Cannot read layer ${l}: expected an integer from 0 to ${layers - 1}`);
      }
      const loan = pool.borrow();
      const reading = Array.from(
        refsOf(l),
        async ([name, ref]) => [name, await read(ref, loan.allocate)] as const,
      );
      if (l + 1 < layers) file.prefetch(namesOf(l + 1)); // after this layer's own reads have started
      const tensors = new Map(await Promise.all(reading));
      return {
        tensors,
        release() {
          if (loan.giveBack()) file.forget?.(namesOf(l));
        },
      };
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

/** Rows of a model's tensor as rows of the file's. */
export function rowsIn(
  { rows: own }: TensorRef,
  rows?: readonly [number, number],
): readonly [number, number] | undefined {
  if (!own) return rows;
  return rows ? [own.start + rows[0], own.start + rows[1]] : [own.start, own.end];
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
