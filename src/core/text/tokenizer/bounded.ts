/**
 * Work that ends. The regular expressions of a `tokenizer.json` come from the internet, and a pattern of twenty
 * characters can keep a matcher busy for years; V8 can stop it, and `node:vm` gives that a name. A guarded call costs
 * 20 µs.
 *
 * What counts is the time that this thread computed, not the time that passed: a busy machine takes the latter from sound
 * tokenizers. V8 measures what passed, so work that it stopped too early is started again with more of it.
 */
import { refusal } from "../../entry/mod.ts";
import process from "node:process";
import { createContext, Script } from "node:vm";

/** Milliseconds that a tokenizer may compute beyond what its texts need, in all. */
const SPARE_MS = 5000;
/** Milliseconds that one call may compute, however long its text is. */
const MOST_MS = 30_000;
/** What texts need at most. Real tokenizers take 1 µs for each character, and 5 µs where a text is one long word. */
const MS_PER_CHARACTER = 0.02;
const MS_PER_CALL = 0.2;
/** Share of its time after which work counts as too slow: the two clocks do not tick together. */
const NEARLY = 0.9;
/** Most that one more start adds to the time that may pass. */
const MORE = 8;

const call = new Script("work()");

/** Milliseconds that this thread has computed; where the system does not say, milliseconds that passed. */
const computed = (): number => {
  if (typeof process.threadCpuUsage !== "function") return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** Gives a guard for all calls of one tokenizer, which throws `RangeError` when those so far compute longer than their texts can need. */
export function guard(what: string, spareMs = SPARE_MS, clock = computed) {
  const context = createContext({});
  let left = spareMs;

  /** Runs work for a time; null where that was not enough. */
  function within<T>(ms: number, work: () => T): { readonly value: T } | null {
    context.work = work;
    try {
      return { value: call.runInContext(context, { timeout: Math.max(1, Math.ceil(ms)) }) as T };
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      return null;
    } finally {
      context.work = undefined;
    }
  }

  return <T>(characters: number, work: () => T): T => {
    const most = Math.min(MOST_MS, left + MS_PER_CALL + characters * MS_PER_CHARACTER);
    let spent = 0;
    try {
      for (let ms = most;; ms *= Math.min(MORE, 1.25 * most / spent)) {
        const begin = clock();
        try {
          const done = within(ms, work);
          if (done) return done.value;
        } finally {
          spent = clock() - begin;
        }
        if (spent < NEARLY * most) continue;
        const why = `not finished after ${Math.round(spent)} ms of computing for ${characters} characters, ` +
          "expected patterns that match in reasonable time";
        throw refusal(RangeError, what, why);
      }
    } finally {
      left = Math.min(spareMs, Math.max(0, most - spent)); // what a text needs is always there
    }
  };
}
