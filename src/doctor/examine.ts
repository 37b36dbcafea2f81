/**
 * Tests of what a machine can run. Each check tests one part and cannot bring down another: it has a time
 * limit, and anything that calls native code, which may crash, runs in a process of its own (`runApart`).
 */
import { aSignal, expect, like, list } from "../entry/mod.ts";
import { runArguments } from "../home/mod.ts";

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

const aCheck = like(
  "a check",
  (value) => typeof (value as Partial<Check> | null)?.look === "function",
);

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

async function examineOne(
  { part, needed = false, remedy, seconds, look }: Check,
  signal?: AbortSignal,
): Promise<Finding> {
  const limit = new AbortController();
  const end = () => limit.abort(new Error(`no answer within ${seconds} s`));
  const timer = setTimeout(end, seconds * 1000);
  signal?.addEventListener("abort", end);
  const overdue = new Promise<never>((_, reject) =>
    limit.signal.addEventListener("abort", () => reject(limit.signal.reason))
  );
  try {
    // In a function of its own, so that what it throws at once is an answer too.
    const found = await Promise.race([(async () => await look(limit.signal))(), overdue]);
    return { part, works: true, needed, found };
  } catch (error) {
    return { part, works: false, needed, found: (error as Error).message, remedy };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

/**
 * Runs a script in a process of its own and gives what it answered (`answer`). Throws what it threw, or how it ended.
 */
export async function runApart(script: URL, args: readonly string[], signal: AbortSignal): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...runArguments(script.href), ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  });
  const { code, signal: killer, stdout, stderr } = await command.output();
  const line = lastLine(stdout);
  if (line.startsWith(ANSWER)) {
    const { found, missing } = JSON.parse(line.slice(ANSWER.length));
    if (missing === undefined) return found;
    throw new Error(missing);
  }
  const complaint = complaintIn(stderr);
  throw new Error(`the process ended with ${killer ?? `code ${code}`}${complaint && `: ${complaint}`}`);
}

/** Libraries print too: an answer is a line that begins like this. */
const ANSWER = "lamina: ";

/** In the other process: tells what `look` gives, or throws, to `runApart`, and ends. */
export async function answer(look: () => Promise<string>): Promise<never> {
  const outcome = await look().then((found) => ({ found }), (error) => ({ missing: error.message }));
  console.log(`\n${ANSWER}${JSON.stringify(outcome)}`);
  Deno.exit(0);
}

function lastLine(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim().split("\n").at(-1)!.trim();
}

/** The error, where a line says that it is one: a stack may follow it. Else the last line. */
function complaintIn(bytes: Uint8Array): string {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return lines.find((line) => /error/i.test(line))?.trim() ?? lastLine(bytes);
}
