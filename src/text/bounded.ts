/**
 * Work that ends. The regular expressions of a `tokenizer.json` come from the internet, and a pattern of twenty
 * characters can keep a matcher busy for years; V8 can stop it, and `node:vm` gives that a name. A guarded call costs
 * 20 µs.
 */
import { createContext, Script } from "node:vm";

/** The time that a tokenizer may take: a constant plus an amount per character. Real ones take 1 µs per
 * character on two cores; what a busy machine takes from them counts too. */
const START_MS = 5000;
const MS_PER_CHARACTER = 1;

const call = new Script("work()");

/** A guard for all calls of one tokenizer together: what one of them saves, later ones may use. */
export type Guard = <T>(characters: number, work: () => T) => T;

/** Gives a guard that throws `RangeError` when the calls so far take longer than their texts can need. */
export function guard(what: string, startMs = START_MS): Guard {
  const context = createContext({});
  let left = startMs;
  return <T>(characters: number, work: () => T): T => {
    left += characters * MS_PER_CHARACTER;
    const begin = performance.now();
    context.work = work;
    try {
      return call.runInContext(context, { timeout: Math.max(1, Math.ceil(left)) }) as T;
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw new RangeError(
        `${what}: not finished after ${
          Math.round(performance.now() - begin)
        } ms for ${characters} characters, ` +
          "expected patterns that match in reasonable time",
      );
    } finally {
      left -= performance.now() - begin;
      context.work = undefined;
    }
  };
}
