/** A thread that kills the process at the second signal where the main thread, which should exit, is too busy to hear it. */

const GRACE = 500; // ms for the main thread to exit by itself, with the exit code of the signal

/** What to listen to, and the milliseconds within which signals are one. */
type Orders = { readonly names: readonly Deno.Signal[]; readonly same: number };

addEventListener("message", ({ data: { names, same } }: MessageEvent<Orders>) => {
  let first = Infinity;
  for (const name of names) {
    Deno.addSignalListener(name, () => {
      if (performance.now() - first > same) setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), GRACE);
      first = Math.min(first, performance.now());
    });
  }
});
