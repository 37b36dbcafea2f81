/**
 * Threads that work on this thread's memory. Each runs a module that answers a task when it is done (`serve`); a task has the addresses
 * of its inputs and outputs. (ONNX Runtime refuses shared buffers, and a copy would cost more than a second core gains.)
 */
import { type MessagePort, parentPort, Worker } from "node:worker_threads";
import { fillRows, type NormalRows } from "./random.ts";

/** Memory as a task names it. */
export type Memory = { readonly address: bigint; readonly bytes: number };

/** An array whose memory a task may name. */
export type Named = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/**
 * Threads that OMP_NUM_THREADS allows, as schedulers set it (the first number of a list for nested loops); 0, which means one for each
 * core, if it is no whole number above 0.
 */
export function threadsAllowed(): number {
  const threads = Number(Deno.env.get("OMP_NUM_THREADS")?.split(",")[0]);
  return Number.isInteger(threads) && threads > 0 ? threads : 0;
}

/** As many as are allowed; more than eight gain nothing, since the memory cannot take their numbers. */
export const THREADS = Math.min(threadsAllowed() || navigator.hardwareConcurrency, 8);

/** Threads of a module, started by the first tasks. They do not keep the process alive. `what` begins what errors say. */
export function openThreads<Task>(module: URL, what: string, count: number) {
  let threads: ReturnType<typeof openThread<Task>>[] = [];
  return {
    /** Gives each thread a task, the first one first. Arrays that tasks name are `held` until they are done. Throws a thread's error. */
    async run(tasks: readonly Task[], held: readonly Named[]): Promise<void> {
      while (threads.length < count) threads.push(openThread(module, what));
      await Promise.all(tasks.map((task, i) => threads[i % count].run(task, held)));
    },
    /** Ends the threads, once they have done their tasks; `run` starts others. */
    close(): void {
      for (const { close } of threads) close();
      threads = [];
    },
  };
}

function openThread<Task>(module: URL, what: string) {
  const worker = new Worker(module);
  const waiting: (PromiseWithResolvers<void> & { held: readonly Named[] })[] = [];
  let failure: Error | null = null;
  let isClosing = false;
  function settle(): void {
    if (waiting.length > 0) return;
    worker.unref();
    if (isClosing) worker.terminate();
  }
  worker.on("message", () => {
    waiting.shift()!.resolve();
    settle();
  });
  worker.on("error", (error) => {
    failure = new Error(`${what}: ${(error as Error).message}`, { cause: error });
    for (const { reject } of waiting.splice(0)) reject(failure);
    settle();
  });
  worker.unref();
  return {
    run(task: Task, held: readonly Named[]): Promise<void> {
      if (failure) return Promise.reject(failure);
      const done = { ...Promise.withResolvers<void>(), held };
      waiting.push(done);
      worker.ref();
      worker.postMessage(task);
      return done.promise;
    },
    close(): void {
      isClosing = true;
      settle();
    },
  };
}

/** In a thread's module: does the tasks, one after the other. */
export function serve<Task>(work: (task: Task) => void): void {
  const port: MessagePort = parentPort!;
  port.on("message", (task: Task) => {
    work(task);
    port.postMessage(null);
  });
}

export function memoryOf(array: Named): Memory {
  return { address: Deno.UnsafePointer.value(Deno.UnsafePointer.of(array)), bytes: array.byteLength };
}

/** Memory of another thread. */
export function bufferAt({ address, bytes }: Memory): ArrayBuffer {
  return Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, bytes);
}

/** A thread's task: the memory to fill, and the numbers. */
export type NormalTask = { readonly memory: Memory; readonly rows: NormalRows };

/** Numbers below which the messages would take longer than the work: a quarter of a millisecond's. */
const WORTH_SHARING = 2 ** 18;

/**
 * Threads that make normal numbers together: a number is a function of its position (random.ts), so any thread may make it. They start
 * with the first array that is worth it.
 */
export function normalPool(threads = THREADS) {
  const others = openThreads<NormalTask>(
    new URL("./normal_worker.ts", import.meta.url),
    "Cannot draw random numbers",
    threads - 1,
  );
  return {
    /** As `fillRows`. `out` must not be used meanwhile. */
    async fill(out: Float32Array<ArrayBuffer>, rows: NormalRows): Promise<void> {
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
