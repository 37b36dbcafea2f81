/** A thread of `Decoders`. */
import { bufferAt, type Memory, serve } from "../../tensor/mod.ts";
import type { BlocksTask } from "./decoders.ts";
import { blockTypes } from "./types.ts";

const bytes = (memory: Memory) => new Uint8Array(bufferAt(memory));
const floats = (memory: Memory) => new Float32Array(bufferAt(memory));

serve<BlocksTask>(({ type, source, to }) => {
  const { decode, repack } = blockTypes[type];
  if (!("quants" in to)) return decode(bytes(source), floats(to));
  repack(bytes(source), {
    quants: bytes(to.quants),
    scales: floats(to.scales),
    offsets: to.offsets && floats(to.offsets),
  });
});
