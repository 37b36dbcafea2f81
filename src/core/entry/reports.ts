/**
 * Where long work reports to, and what ends it early. A call without these options takes them from its surroundings: a notebook's
 * outlet watches every call, so that the bar and the stop button always work; a script has no such watch.
 *
 * A call inside another one gets all three from it, so it starts no second watch.
 */
import {
  aSignal,
  type Check,
  type Checks,
  expect,
  func,
  isPromise,
  type Of,
  optionsOf,
  withLists,
} from "./checks.ts";

/** One progress report. */
export interface Progress {
  /** The work in progress: "smollm2-135m-instruct-q4_1", "model-00001-of-00002.safetensors". */
  readonly label: string;
  /** Units done so far. */
  readonly done: number;
  /** Units in total, if known. */
  readonly total?: number;
  /** The unit: "bytes", "samples", …; "work" for a weighted sum of several kinds of work. */
  readonly unit: string;
  /** How many of the units done come from an earlier run. */
  readonly found?: number;
  /** Units per second over the last few seconds. */
  readonly rate?: number;
  /** Seconds left at that rate. */
  readonly secondsLeft?: number;
}

/** The checks of `Reports`, option by option. */
export const reportChecks = {
  /** Receives progress, ten times a second at most. */
  onProgress: func as Check<(progress: Progress) => void>,
  /** Receives single lines without a line break. */
  onNotice: func as Check<(line: string) => void>,
  /** Ends the work early; the call then rejects with the signal's reason. A study stops within one module. */
  signal: aSignal,
};

/** Where long-running work reports to, and how to end it early. In a notebook all three have defaults. */
export type Reports = Of<typeof reportChecks>;

/** What watches one call from its beginning to its end. */
export interface Watch {
  readonly reports: { readonly [Name in keyof Reports]-?: NonNullable<Reports[Name]> };
  /** Called when the call has ended, with its error if it has one. */
  end(error?: unknown): Promise<void>;
}

let open: ((title: string) => Watch) | null = null;

/** From now on, `opener` watches the calls whose options lack a report; null ends this. */
export function watchWith(opener: ((title: string) => Watch) | null): void {
  open = opener;
}

/**
 * Enters a long call: checks its options, and completes their reports from its surroundings. `subject` names what the call works on, for
 * the line that reports how long it took.
 */
export async function enter<Options extends Reports, T>(
  verb: string,
  subject: string,
  options: Options,
  checks: Checks<Options>,
  run: (options: Options) => Promise<T>,
): Promise<T> {
  expect(verb, "options", options, optionsOf(checks));
  options = withLists(options, checks);
  const { onProgress, onNotice, signal } = options;
  if (!open || onProgress && onNotice && signal) return await run(options);
  const watch = open(`${verb}: ${subject}`);
  const { reports } = watch;
  const complete: Options = {
    ...options,
    onProgress: onProgress ?? reports.onProgress,
    onNotice: onNotice ?? reports.onNotice,
    signal: signal ?? reports.signal,
  };
  let value: T;
  try {
    complete.signal!.throwIfAborted();
    value = await run(complete);
  } catch (error) {
    await watch.end(error);
    throw error;
  }
  await watch.end();
  return value;
}

/** Only the reports among some options. */
export function reportsOf({ onProgress, onNotice, signal }: Reports): Reports {
  return { onProgress, onNotice, signal };
}

/** Waits for what a caller's function returned, which may never come; rejects with the signal's reason as soon as that ends the work. */
export async function unlessAborted<T>(
  returned: T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal || !isPromise(returned)) return await returned;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([returned, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
