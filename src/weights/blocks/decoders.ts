/**
 * Blocks decoded on every core: a large matrix would block this thread for some hundred milliseconds and leave
 * the other cores idle.
 */
import { type Memory, memoryOf, openThreads, THREADS } from "../../tensor/mod.ts";
import { blockTypes } from "./types.ts";
import type { Blocks } from "./dequantize.ts";

/** A thread's task: the type of the blocks, and the places of blocks and values. */
export interface DecodeTask {
  readonly type: string;
  readonly source: Memory;
  readonly out: Memory;
}

/** Threads that decode one file's blocks. */
export interface Decoders {
  /** Decodes all blocks of `source`, of the type with that name, to `out`, which must not be used meanwhile. */
  decode(
    type: string,
    blocks: Blocks,
    source: Uint8Array<ArrayBuffer>,
    out: Float32Array<ArrayBuffer>,
  ): Promise<void>;
  /** Ends the threads. */
  close(): void;
}

/** Values of a file below which threads would cost more memory and time to start than they save: a second's. */
const WORTH_THREADS = 2 ** 29;
/** Values of a matrix below which messages would: two milliseconds'. */
const WORTH_SHARING = 2 ** 20;

const mayUseMemory = () => Deno.permissions.querySync({ name: "ffi" }).state === "granted";

/** For a file with this number of values in blocks. The threads start with the first large matrix, if foreign memory may be used. */
export function openDecoders(
  values: number,
  { count = THREADS, worthSharing = WORTH_SHARING } = {},
): Decoders {
  const threads = openThreads<DecodeTask>(
    new URL("./worker.ts", import.meta.url),
    "Cannot decode blocks",
    count,
  );
  return {
    async decode(type, { blockElements, blockBytes, decode }, source, out) {
      const isWorth = values >= WORTH_THREADS && out.length >= worthSharing;
      const isShared = isWorth && type in blockTypes && mayUseMemory();
      if (!isShared) return decode(source, out);
      const cut = (i: number) => Math.floor(i * source.length / blockBytes / count);
      const tasks = Array.from({ length: count }, (_, i): DecodeTask => ({
        type,
        source: memoryOf(source.subarray(cut(i) * blockBytes, cut(i + 1) * blockBytes)),
        out: memoryOf(out.subarray(cut(i) * blockElements, cut(i + 1) * blockElements)),
      }));
      await threads.run(tasks, [source, out]);
    },
    close: threads.close,
  };
}
