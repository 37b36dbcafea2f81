/** Lets signals and timers in between the runs of an engine, which block this thread, and ends the work if asked to. */

/** Milliseconds of work after which the event loop gets its turn. */
const WORK = 100;

/** A function to await between runs. It throws the signal's reason once it is aborted. */
export function pauses(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last > WORK) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      last = performance.now();
    }
    signal?.throwIfAborted();
  };
}
