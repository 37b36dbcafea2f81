/**
 * Tests of what a machine can run. Each check tests one part and cannot bring down another: it has a time
 * limit, and anything that calls native code, which may crash, runs in a process of its own (`runApart`).
 */
import { aSignal, expect, like, list, unlessAborted } from "core/entry/mod.ts";

/** One part of the machine. */
export interface Check {
  readonly part: string;
  /** Whether nothing runs without it. */
  readonly needed?: boolean;
  readonly remedy: string;
  readonly seconds: number;
  /** Returns what was found, in words. Throws an error that says what is missing. */
  look(signal: AbortSignal): Promise<string>;
}

export interface Finding {
  readonly part: string;
  readonly works: boolean;
  /** Whether a study needs it. */
  readonly needed: boolean;
  readonly found: string;
  readonly remedy?: string;
}

const aCheck = like("a check", (value) => typeof (value as Partial<Check> | null)?.look === "function");

/**
 * Runs the checks in parallel and returns their findings; a failing check does not affect the others. Throws if `signal` aborts.
 */
export async function examine(checks: readonly Check[], signal?: AbortSignal): Promise<Finding[]> {
  expect("examine", "checks", checks, list(aCheck, "checks"));
  if (signal !== undefined) expect("examine", "signal", signal, aSignal);
  const findings = await Promise.all(checks.map((check) => examineOne(check, signal)));
  signal?.throwIfAborted();
  return findings;
}

async function examineOne({ part, needed = false, remedy, seconds, look }: Check, signal?: AbortSignal) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`no answer within ${seconds} s`)), seconds * 1000);
  const ended = AbortSignal.any([limit.signal, ...signal ? [signal] : []]);
  try {
    return { part, works: true, needed, found: await unlessAborted(look(ended), ended) };
  } catch (error) {
    return { part, works: false, needed, found: (error as Error).message, remedy };
  } finally {
    clearTimeout(timer);
  }
}
