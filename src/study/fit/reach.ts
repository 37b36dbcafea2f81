/** The smallest plan of each line that saves enough, found by sizes or by expected speed before any loss is measured. */
import type { RunOptions } from "../base/stage.ts";
import type { Candidate, Maker } from "./candidates.ts";
import type { Trial } from "./search.ts";

/** How much a plan saves of what is wanted. */
export type Saved = (candidate: Candidate) => number;

/**
 * The smallest candidate of each line that saves `wanted`; lines that cannot are left out. `most` holds the largest number of each line.
 * Where a repair adds weights, each round goes as far on as the last one fell short.
 */
export async function smallestReaching(
  most: readonly number[],
  make: Maker,
  saved: Saved,
  wanted: number,
  options: RunOptions,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  let open = most.flatMap((own, line): Trial[] => own > 0 ? [{ line, dropped: 1 }] : []);
  while (open.length > 0) {
    options.signal?.throwIfAborted();
    const made = (await make(open, options)).filter((candidate) => candidate !== null);
    found.push(...made.filter((candidate) => saved(candidate) >= wanted));
    open = made.filter((candidate) => !(saved(candidate) >= wanted)).flatMap((candidate): Trial[] => {
      const { line, dropped } = candidate;
      const next = nextOf(dropped, saved(candidate), wanted);
      return dropped < most[line] ? [{ line, dropped: Math.min(next, most[line]) }] : [];
    });
  }
  return found.sort((a, b) => a.line - b.line);
}

/** At least one more; as many as half of the shortfall needs if each saves as much, so that none is passed over by much. */
function nextOf(dropped: number, saved: number, wanted: number): number {
  if (!(saved > 0)) return dropped + 1;
  return Math.max(dropped + 1, Math.floor(dropped + dropped * (wanted / saved - 1) / 2));
}
