/** Tensors that are held for a while, and freed then. */
import type { Tensor } from "../tensor/mod.ts";
import type { Engine, Feeds, Held } from "./engine.ts";

/** Brings a held tensor to CPU memory, a copy, and frees it. */
export function take(engine: Pick<Engine, "read">, held: Held): Promise<Tensor> {
  return withRead(engine, { held }, ({ held: { data, ...tensor } }) => ({ ...tensor, data: data.slice() }));
}

/** Held tensors in CPU memory for as long as `use` runs, by name; then they are freed. */
export async function withRead<T>(
  engine: Pick<Engine, "read">,
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
  engine: Pick<Engine, "upload">,
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
