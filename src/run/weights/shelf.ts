/** Weights that stay at hand while there is room for them: those that nobody has used for longest go first. */
import type { HeldWeights, Use } from "./part.ts";
import { byteSize, elements } from "../../tensor/mod.ts";
import type { Feeds } from "../../engine/mod.ts";

/** A shelf of weights. */
export interface Shelf {
  /** Uses weights that are known by a key, made where they are not at hand. */
  lend<T>(key: string, make: () => HeldWeights | Promise<HeldWeights>, use: Use<T>): Promise<T>;
  /** Frees all that nobody uses. */
  clear(): void;
}

/** Bytes that tensors take on their engine. */
export function heldBytes(held: Feeds): number {
  return Object.values(held).reduce((sum, { dtype, shape }) => sum + byteSize(dtype) * elements(shape), 0);
}

interface Entry {
  readonly weights: HeldWeights;
  readonly bytes: number;
  users: number;
}

/** An empty shelf with room for so many bytes. Programs of the weights' own have copies of them, which count. */
export function openShelf(room: number): Shelf {
  const kept = new Map<string, Entry>(); // the one used longest ago first
  let left = room;

  function forget(key: string, { weights, bytes }: Entry): void {
    kept.delete(key);
    left += bytes;
    weights.free();
  }

  function fit(bytes: number): boolean {
    for (const [key, entry] of kept) {
      if (left >= bytes) break;
      if (entry.users === 0 && bytes <= room) forget(key, entry);
    }
    return left >= bytes;
  }

  async function entryOf(key: string, make: () => HeldWeights | Promise<HeldWeights>): Promise<Entry> {
    const weights = await make();
    const bytes = heldBytes(weights.held) * (weights.own ? 2 : 1);
    const entry = { weights, bytes, users: 0 };
    if (!kept.has(key) && fit(bytes)) {
      kept.set(key, entry);
      left -= bytes;
    }
    return entry;
  }

  return {
    async lend(key, make, use) {
      const entry = kept.get(key) ?? await entryOf(key, make);
      if (kept.get(key) === entry) {
        kept.delete(key);
        kept.set(key, entry);
      }
      entry.users++;
      try {
        return await use(entry.weights.held, entry.weights.own);
      } finally {
        entry.users--;
        if (entry.users === 0 && kept.get(key) !== entry) entry.weights.free();
      }
    },
    clear() {
      for (const [key, entry] of kept) if (entry.users === 0) forget(key, entry);
    },
  };
}
