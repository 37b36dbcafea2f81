/**
 * Normal numbers made on every core. A number is a function of its position (random.ts), so any thread may make it: rows
 * are split between this thread and others.
 */
import { fillRows, type NormalRows } from "./random.ts";
import { type Memory, memoryOf, openThreads, THREADS } from "./threads.ts";

/** A thread's task: the memory to fill, and the numbers. */
export interface NormalTask {
  readonly memory: Memory;
  readonly rows: NormalRows;
}

/** Threads that fill arrays together. */
interface NormalPool {
  /** As `fillRows`. `out` must not be used meanwhile. */
  fill(out: Float32Array<ArrayBuffer>, rows: NormalRows): Promise<void>;
  /** Ends the threads. */
  close(): void;
}

/** Numbers below which the messages would take longer than the work: a quarter of a millisecond's. */
const WORTH_SHARING = 2 ** 18;

/** Opens a pool; its threads start with the first array that is worth it. */
export function normalPool(threads = THREADS): NormalPool {
  const others = openThreads<NormalTask>(
    new URL("./normal_worker.ts", import.meta.url),
    "Cannot draw random numbers",
    threads - 1,
  );
  return {
    async fill(out, rows) {
      if (out.length < WORTH_SHARING || threads < 2) return fillRows(out, rows);
      const count = out.length / rows.width;
      const cut = (i: number) => Math.floor(i * count / threads);
      const share = (i: number) =>
        [
          out.subarray(cut(i) * rows.width, cut(i + 1) * rows.width),
          { ...rows, first: rows.first + cut(i) * rows.stride },
        ] as const;
      const shares = Array.from({ length: threads }, (_, i) => share(i));
      const done = others.run(shares.slice(1).map(([out, rows]) => ({ memory: memoryOf(out), rows })), [out]);
      fillRows(...shares[0]);
      await done;
    },
    close: others.close,
  };
}
