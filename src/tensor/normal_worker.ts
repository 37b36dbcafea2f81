/** A thread of a `NormalPool`: writes normal numbers to memory that the other side keeps until it is answered. */
import type { NormalTask } from "./normal_pool.ts";
import { fillRows } from "./random.ts";

const self = globalThis as unknown as Worker;

self.onmessage = ({ data: { address, length, rows } }: MessageEvent<NormalTask>) => {
  const bytes = length * Float32Array.BYTES_PER_ELEMENT;
  const memory = Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, bytes);
  fillRows(new Float32Array(memory), rows);
  self.postMessage(null);
};
