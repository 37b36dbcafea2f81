/**
 * What ends a command early: Ctrl-C, a supervisor, a terminal that closes, a reader that has gone.
 *
 * The first of them aborts the command's signal, and the work stops where it can be stopped, within one module; what is
 * finished is kept. A second one ends the process at once. While this thread is busy, in a native call or in arithmetic of
 * our own, it hears of neither: then a thread of its own, which does nothing else (watchdog.ts), kills the process.
 *
 * Limits: a process that waits for a disk or a driver inside the operating system cannot be ended by anybody. Windows has
 * Ctrl-C alone. Elsewhere than on Linux, `nohup` does not keep SIGHUP away, since there is no asking whether it is ignored.
 */
import process from "node:process";
import { reasonOf } from "../entry/mod.ts";

/** Exit codes are by convention 128 and the signal's number. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const BROKEN_PIPE = 141;
/** Milliseconds within which signals are one: `deno task` passes on a Ctrl-C that the terminal has sent already. */
const SAME = 300;

export interface Ending {
  readonly code: number;
  /** For a person; none where nobody reads any more. */
  readonly message: string | null;
}

/** Listens from now on to the end of the process: what ends a command, and the first reason for it, if there was one. */
export function listen() {
  const controller = new AbortController();
  let ending: Ending | null = null;
  const end = (code: number, message: string | null) => {
    ending ??= { code, message };
    controller.abort(new Error(message ?? "Stopped: nobody reads what is written"));
  };
  const names = heard();
  let first = Infinity;
  for (const name of names) {
    Deno.addSignalListener(name, () => {
      if (performance.now() - first > SAME) Deno.exit(CODES[name]);
      first = Math.min(first, performance.now());
      end(CODES[name], "Stopped; what is kept is not computed again");
    });
  }
  const watchdog = new Worker(new URL("./watchdog.ts", import.meta.url), { type: "module" });
  watchdog.postMessage({ names, same: SAME });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") end(BROKEN_PIPE, null);
    else end(1, `Cannot write to standard output: ${reasonOf(error)}`);
  });
  process.stderr.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") end(BROKEN_PIPE, null); // another error of stderr has nowhere to be told
  });
  return { signal: controller.signal, ending: () => ending };
}

/** Signals that end this process: not SIGHUP where it was started to ignore it, which the runtime alone would not. */
function heard(): (keyof typeof CODES)[] {
  if (Deno.build.os === "windows") return ["SIGINT"];
  if (!ignoresHangup()) return ["SIGINT", "SIGTERM", "SIGHUP"];
  Deno.addSignalListener("SIGHUP", () => {});
  return ["SIGINT", "SIGTERM"];
}

/** Whether `nohup` started this: bit 0 of what Linux says is ignored. */
function ignoresHangup(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const [, mask] = Deno.readTextFileSync("/proc/self/status").match(/^SigIgn:\s*([0-9a-f]+)$/m) ?? [];
    return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    return false; // a container may hide it
  }
}

/** An error with an exit code of its own. */
export class Exit extends Error {
  constructor(readonly code: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
