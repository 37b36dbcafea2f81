/** Bytes in memory as a file that models are read from, and tensors as a file. */
import { type ByteSource, checkRange } from "core/hub/mod.ts";
import { writeWhole } from "core/disk/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { safetensorsOf } from "core/weights/mod.ts";

/** Bytes that are in memory already. Reads give copies. */
export function bufferSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    // deno-lint-ignore require-await
    async read(start, end) {
      checkRange(name, start, end, bytes.length);
      return new Uint8Array(bytes.subarray(start, end));
    },
    close() {},
  };
}

export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, Tensor>): Promise<void> {
  await writeWhole(path, safetensorsOf(tensors).parts());
}
