/** A thread of `Decoders`. */
import { bufferAt, serve } from "../../tensor/mod.ts";
import { blockTypes } from "./types.ts";
import type { DecodeTask } from "./decoders.ts";

serve<DecodeTask>(({ type, source, out }) =>
  blockTypes[type].decode(new Uint8Array(bufferAt(source)), new Float32Array(bufferAt(out)))
);
