/** Bytes in memory as a file that models are read from. */
import { type ByteSource, checkRange } from "../src/hub/mod.ts";

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
