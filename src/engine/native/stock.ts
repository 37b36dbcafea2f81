/** Memory that is kept for a while after its use, since the next use is often of the same size. */

/** Memory by its size. */
interface Stock<Memory> {
  /** Memory of this many bytes: kept, or new. */
  take(bytes: number): Memory;
  /** Keeps memory that is not used any more. */
  give(bytes: number, memory: Memory): void;
  /** Drops what is kept. */
  clear(): void;
}

/** A stock that keeps `most` bytes; beyond them, what has not been used the longest is dropped. */
export function openStock<Memory>(
  make: (bytes: number) => Memory,
  drop: (memory: Memory) => void,
  most: number,
): Stock<Memory> {
  const idle: { memory: Memory; bytes: number }[] = []; // the one free the longest first
  let idleBytes = 0;
  function shift(): void {
    const { memory, bytes } = idle.shift()!;
    idleBytes -= bytes;
    drop(memory);
  }
  return {
    take(bytes) {
      const found = idle.findLastIndex((kept) => kept.bytes === bytes);
      if (found < 0) return make(bytes);
      idleBytes -= bytes;
      return idle.splice(found, 1)[0].memory;
    },
    give(bytes, memory) {
      idle.push({ memory, bytes });
      idleBytes += bytes;
      while (idleBytes > most) shift();
    },
    clear() {
      while (idle.length > 0) shift();
    },
  };
}
