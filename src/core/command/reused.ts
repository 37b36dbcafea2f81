/** Lines about reused results, which are one for a command: a study of several parts would print one for each before its answer. */
import type { Progress, Reports } from "../entry/mod.ts";
import { reusedIn } from "../study/options.ts";

/** Milliseconds after which work that goes on says what it reused so far. */
const SOON = 2000;

interface Gathered extends Reports {
  /** Writes the line that was held back. */
  flush(): void;
}

/** The same reports, in which lines about reused results wait until others come, or the work takes a while. */
export function gatherReused({ onNotice, onProgress }: Reports, now = () => performance.now()): Gathered {
  const held: string[] = [];
  let since = 0;
  const flush = () => {
    const lines = held.splice(0);
    const all = lines.reduce((sum, line) => sum + reusedIn(line)!, 0);
    if (lines.length > 0) {
      onNotice?.(lines.length === 1 ? lines[0] : `${all} results reused from an earlier run`);
    }
  };
  return {
    flush,
    onNotice(line) {
      if (reusedIn(line) === null) return onNotice?.(line);
      if (held.length === 0) since = now();
      held.push(line);
    },
    onProgress(progress: Progress) {
      if (held.length > 0 && now() - since > SOON) flush();
      onProgress?.(progress);
    },
  };
}
