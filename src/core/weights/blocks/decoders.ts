/**
 * Blocks decoded or repacked on every core: a large matrix would block this thread for some hundred milliseconds and leave
 * the other cores idle.
 */
import { type Memory, memoryOf, type Named, openThreads, THREADS } from "../../tensor/mod.ts";
import { type Blocks, blockTypes } from "./types.ts";
import type { Repacked } from "./repack4.ts";

/** A thread's task: the type of the blocks, and the places of blocks and of values, or of a matrix in blocks. */
export interface BlocksTask {
  readonly type: string;
  readonly source: Memory;
  readonly to: Memory | { readonly [Part in keyof Repacked]: Memory | (null & Repacked[Part]) };
}

/** Values of a file below which threads would cost more memory and time to start than they save: a second's. */
const WORTH_THREADS = 2 ** 29;
/** Values of a matrix below which messages would, to be decoded: a millisecond's. They are repacked in half the time. */
const WORTH_SHARING = 2 ** 20;

export const mayUseMemory = (): boolean => Deno.permissions.querySync({ name: "ffi" }).state === "granted";

/** Threads that decode one file's blocks. Arrays for the results have the length that these blocks need, and must not be used meanwhile. */
export type Decoders = ReturnType<typeof openDecoders>;

/** For a file with this number of values in blocks. The threads start with the first large matrix, if foreign memory may be used. */
export function openDecoders(values: number, { count = THREADS, worthSharing = WORTH_SHARING } = {}) {
  const threads = openThreads<BlocksTask>(
    new URL("./worker.ts", import.meta.url),
    "Cannot decode blocks",
    count,
  );
  function isShared(type: string, length: number): boolean {
    const isWorth = values >= WORTH_THREADS && length >= worthSharing;
    return isWorth && Object.hasOwn(blockTypes, type) && mayUseMemory();
  }
  /** Gives the memory of a thread's share of an array that holds this number of blocks. */
  function cutter(blocks: number): (array: Named, thread: number) => Memory {
    const cut = (i: number) => Math.floor(i * blocks / count);
    return (array, i) => {
      const perBlock = array.length / blocks;
      return memoryOf(array.subarray(cut(i) * perBlock, cut(i + 1) * perBlock) as Named);
    };
  }
  const each = (task: (thread: number) => BlocksTask) => Array.from({ length: count }, (_, i) => task(i));
  return {
    async decode(
      type: string,
      { blockBytes, decode }: Blocks,
      source: Uint8Array<ArrayBuffer>,
      out: Float32Array<ArrayBuffer>,
    ): Promise<void> {
      if (!isShared(type, out.length)) return decode(source, out);
      const part = cutter(source.length / blockBytes);
      await threads.run(each((i) => ({ type, source: part(source, i), to: part(out, i) })), [source, out]);
    },
    async repack(type: string, source: Uint8Array<ArrayBuffer>, to: Repacked): Promise<void> {
      const { blockBytes, blockElements, repack } = blockTypes[type];
      const blocks = source.length / blockBytes;
      if (!isShared(type, blocks * blockElements / 2)) return repack(source, to);
      const part = cutter(blocks);
      const { quants, scales, offsets } = to;
      const tasks = each((i) => ({
        type,
        source: part(source, i),
        to: { quants: part(quants, i), scales: part(scales, i), offsets: offsets && part(offsets, i) },
      }));
      await threads.run(tasks, [source, quants, scales, ...offsets ? [offsets] : []]);
    },
    close: threads.close,
  };
}
