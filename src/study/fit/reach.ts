/** The smallest plan of each line that saves enough, found by sizes or by expected speed before any loss is measured. */
import type { RunOptions } from "../base/stage.ts";
import type { Candidate, Maker } from "./candidates.ts";
import type { Trial } from "./search.ts";

/** How much a plan saves of what is wanted. */
export type Saved = (candidate: Candidate) => number;

/** A line: the number to begin with, the largest, and whether each plan takes a fit, so that numbers may be passed over. */
export interface Reaching {
  readonly line: number;
  readonly begin: number;
  readonly most: number;
  readonly fitted: boolean;
}

/** The smallest candidate of each line that saves `wanted`; lines that cannot are left out. */
export async function smallestReaching(
  lines: readonly Reaching[],
  make: Maker,
  saved: Saved,
  wanted: number,
  options: RunOptions,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  let open = lines.map((line) => ({ ...line, dropped: line.begin }));
  while (open.length > 0) {
    options.signal?.throwIfAborted();
    const made = await make(open.map(({ line, dropped }): Trial => ({ line, dropped })), options);
    open = open.flatMap((own, i) => {
      const candidate = made[i];
      if (candidate && saved(candidate) >= wanted) {
        found.push(candidate);
        return [];
      }
      if (own.dropped >= own.most) return [];
      const next = candidate && own.fitted ? nextOf(own.dropped, saved(candidate), wanted) : own.dropped + 1;
      return [{ ...own, dropped: Math.min(next, own.most) }];
    });
  }
  return found.sort((a, b) => a.line - b.line);
}

/** At least one more; half as many as the shortfall takes if each saves as much as those before. */
function nextOf(dropped: number, saved: number, wanted: number): number {
  if (!(saved > 0)) return dropped + 1;
  return Math.max(dropped + 1, Math.floor(dropped + dropped * (wanted / saved - 1) / 2));
}
