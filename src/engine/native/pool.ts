/**
 * CPU memory for what runs give, used again: streams, updates and sums come and go in a few sizes, hundreds of times, and what a
 * general allocator makes of that is fragments, or waits for garbage collection.
 */
import type { Block } from "./provider.ts";
import { openStock } from "./stock.ts";

/** Products are fastest on memory that starts with a cache line. */
const ALIGNMENT = 64;

/** Bytes that stay while nobody uses them. */
const IDLE_BYTES = 64 * 2 ** 20;

/** Memory of the process. */
export interface CpuBlock extends Block {
  readonly address: Deno.PointerObject;
  readonly memory: ArrayBuffer;
  readonly offset: number;
}

/** Blocks that are lent again once they are free. */
export interface Pool {
  allocate(bytes: number): CpuBlock;
  /** Gives back what nobody uses. */
  clear(): void;
}

export function openPool(): Pool {
  const stock = openStock(
    (bytes) => new ArrayBuffer(bytes + ALIGNMENT),
    (memory) => void memory.transfer(0), // at once: the garbage collector sees large buffers too late
    IDLE_BYTES,
  );
  return {
    allocate(bytes) {
      const memory = stock.take(bytes);
      const start = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory)));
      const offset = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
      return {
        memory,
        offset,
        address: Deno.UnsafePointer.of(new Uint8Array(memory, offset))!,
        free: () => stock.give(bytes, memory),
      };
    },
    clear: stock.clear,
  };
}
