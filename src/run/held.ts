/** Who frees what a run gives: readers at once, the executor when a state is passed on, and everything when it fails. */
import type { Engine, Feeds, Held } from "../engine/mod.ts";
import type { Tensor } from "../tensor/mod.ts";

/** Brings a held tensor to CPU memory, a copy, and frees it. */
export function take(engine: Engine, held: Held): Promise<Tensor> {
  return withRead(engine, { held }, ({ held: { data, ...tensor } }) => ({ ...tensor, data: data.slice() }));
}

/** Held tensors in CPU memory for as long as `use` runs, by name; then they are freed. */
export async function withRead<T>(
  engine: Engine,
  held: Feeds,
  use: (tensors: Record<string, Tensor>) => T | Promise<T>,
): Promise<T> {
  try {
    const read = await Promise.all(
      Object.entries(held).map(async ([name, value]) => [name, await engine.read(value)] as const),
    );
    return await use(Object.fromEntries(read));
  } finally {
    freeAll(held);
  }
}

export function freeAll(held: Feeds | Iterable<Held>): void {
  const all = Symbol.iterator in held ? held as Iterable<Held> : Object.values(held);
  for (const value of all) value.free();
}

/** Uploads tensors for as long as `use` runs, by name. */
export async function withUploaded<T>(
  engine: Engine,
  tensors: Readonly<Record<string, Tensor>>,
  use: (held: Record<string, Held>) => Promise<T>,
): Promise<T> {
  const held: Record<string, Held> = {};
  try {
    for (const [name, tensor] of Object.entries(tensors)) held[name] = engine.upload(tensor);
    return await use(held);
  } finally {
    freeAll(held);
  }
}

/** The residual stream that plans share, a batch after the other. */
export interface State {
  readonly plans: readonly number[];
  readonly batches: Held[];
}

/** Frees streams; one that several states share is freed once. */
export function freeStates(states: readonly State[]): void {
  freeAll(states.flatMap(({ batches }) => batches));
}
