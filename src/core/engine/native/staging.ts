/**
 * The way between the CPU's memory and a device's: through pinned memory, which the device reads and writes by itself while this
 * thread goes on. Uploads go through two buffers in turn, one is filled while the other is read; each read has one of its own.
 */
import { type Cudart, FROM_DEVICE, type Mark, TO_DEVICE } from "./cudart.ts";
import { openStock } from "./held.ts";

/** Bytes of a buffer: large enough for full speed, small enough to be filled while the other is read. */
const CHUNK = 16 * 2 ** 20;
/** Bytes of buffers for reads that stay while nobody reads. */
const IDLE_BYTES = 4 * CHUNK;
/** Small reads share a few sizes. */
const LEAST = 64 * 2 ** 10;

type Pinned = { readonly address: Deno.PointerObject; readonly bytes: Uint8Array };

/** A buffer for uploads, and where the device has read it. */
interface Slot extends Pinned {
  readonly mark: Mark;
  used: number;
}

export function openStaging(cuda: Cudart) {
  function pin(bytes: number): Pinned {
    const address = cuda.allocatePinned(bytes);
    return { address, bytes: new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, bytes)) };
  }
  const reads = openStock(pin, ({ address }) => cuda.freePinned(address), IDLE_BYTES);
  const slots: Slot[] = []; // the one in use first; none before the first upload

  function slot(): Slot {
    if (slots.length === 0) {
      for (let i = 0; i < 2; i++) slots.push({ ...pin(CHUNK), mark: cuda.openMark(), used: 0 });
    }
    if (slots[0].used < CHUNK) return slots[0];
    slots[0].mark.set();
    slots.reverse();
    slots[0].mark.wait();
    slots[0].used = 0;
    return slots[0];
  }

  return {
    /** Copies to the device; the bytes may change as soon as this returns. */
    upload(to: Deno.PointerObject, bytes: Uint8Array): void {
      for (let done = 0; done < bytes.length;) {
        const into = slot();
        const part = bytes.subarray(done, done + CHUNK - into.used);
        into.bytes.set(part, into.used);
        cuda.copy(offset(to, done), offset(into.address, into.used), part.length, TO_DEVICE);
        into.used += part.length;
        done += part.length;
      }
    },
    /** Copies from the device once all work before has ended. */
    async read(from: Deno.PointerObject, bytes: number): Promise<ArrayBuffer> {
      const result = new Uint8Array(bytes);
      const size = Math.min(CHUNK, Math.max(LEAST, 2 ** Math.ceil(Math.log2(bytes))));
      const pinned = reads.take(size);
      try {
        for (let done = 0; done < bytes; done += size) {
          const part = Math.min(size, bytes - done);
          cuda.copy(pinned.address, offset(from, done), part, FROM_DEVICE);
          await cuda.ended();
          result.set(pinned.bytes.subarray(0, part), done);
        }
      } finally {
        reads.give(size, pinned);
      }
      return result.buffer;
    },
    close(): void {
      reads.clear();
      for (const { address, mark } of slots.splice(0)) {
        mark.close();
        cuda.freePinned(address);
      }
    },
  };
}

function offset(address: Deno.PointerObject, bytes: number): Deno.PointerValue {
  return Deno.UnsafePointer.offset(address, bytes);
}
