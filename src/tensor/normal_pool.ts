/**
 * Normal numbers made on every core. A number is a function of where it stands (random.ts), so who makes it does not
 * matter: rows are split between this thread and workers, which write to the same memory by its address. (ONNX Runtime
 * refuses shared buffers, and a copy would cost more than a second core gains.)
 */
import { fillRows, type NormalRows } from "./random.ts";

/** What a worker is told: where to write, how many numbers, and which. */
export interface NormalTask {
  readonly address: bigint;
  readonly length: number;
  readonly rows: NormalRows;
}

/** Threads that fill arrays together. */
export interface NormalPool {
  /** As `fillRows`. Nobody else may touch `out` meanwhile. */
  fill(out: Float32Array<ArrayBuffer>, rows: NormalRows): Promise<void>;
  /** Ends the workers. */
  close(): void;
}

/** Numbers below which the messages would take longer than the work: a quarter of a millisecond's. */
const WORTH_SHARING = 2 ** 18;
/** More threads gain nothing: the memory cannot take their numbers. */
const MOST_THREADS = 8;

/** Opens a pool; its workers start with the first array that is worth it. */
export function normalPool(threads = Math.min(navigator.hardwareConcurrency, MOST_THREADS)): NormalPool {
  let helpers: Helper[] = [];
  return {
    async fill(out, rows) {
      if (out.length < WORTH_SHARING || threads < 2) return fillRows(out, rows);
      while (helpers.length < threads - 1) helpers.push(helper());
      const count = out.length / rows.width;
      const cut = (i: number) => Math.floor(i * count / threads);
      const share = (i: number) =>
        [
          out.subarray(cut(i) * rows.width, cut(i + 1) * rows.width),
          { ...rows, first: rows.first + cut(i) * rows.stride },
        ] as const;
      const others = helpers.map((helper, i) => helper.fill(...share(i + 1)));
      fillRows(...share(0));
      await Promise.all(others);
    },
    close() {
      for (const { end } of helpers) end();
      helpers = [];
    },
  };
}

interface Helper {
  fill(out: Float32Array<ArrayBuffer>, rows: NormalRows): Promise<void>;
  end(): void;
}

function helper(): Helper {
  const worker = new Worker(new URL("./normal_worker.ts", import.meta.url), { type: "module" });
  const waiting: PromiseWithResolvers<void>[] = [];
  worker.onmessage = () => waiting.shift()!.resolve();
  worker.onerror = (event) => {
    event.preventDefault();
    waiting.splice(0).forEach(({ reject }) =>
      reject(new Error(`Cannot draw random numbers: ${event.message}`))
    );
  };
  return {
    fill(out, rows) {
      const done = Promise.withResolvers<void>();
      waiting.push(done);
      const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(out));
      worker.postMessage({ address, length: out.length, rows } satisfies NormalTask);
      return done.promise;
    },
    end: () => worker.terminate(),
  };
}
