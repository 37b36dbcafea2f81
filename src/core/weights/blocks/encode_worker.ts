/** A thread that encodes rows of numbers. */
import { bufferAt, type Memory, serve } from "../../tensor/mod.ts";
import { encodeBlocks } from "./encode.ts";

/** Rows of numbers, the place of their blocks, and the importance of columns. */
export interface EncodeTask {
  readonly type: string;
  readonly columns: number;
  readonly source: Memory;
  readonly to: Memory;
  readonly importance: Memory | null;
}

const floats = (memory: Memory) => new Float32Array(bufferAt(memory));

serve<EncodeTask>(({ type, columns, source, to, importance }) =>
  encodeBlocks(type, floats(source), columns, new Uint8Array(bufferAt(to)), importance && floats(importance))
);
