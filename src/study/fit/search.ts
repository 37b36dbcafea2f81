/**
 * The search of a fit along its lines. A line's plans are nested: each step drops one module more. Steps double until one breaks the
 * promise; then the gap is halved. All lines take their steps in one round, so that their plans share a run.
 */

/** A line as far as it was tried. */
interface Reach {
  /** The largest number that kept the promise; at first, the number to begin after. */
  readonly good: number;
  /** The smallest number that did not; at first, one more than the line has. */
  readonly bad: number;
}

/** A number to try on a line. */
export interface Trial {
  readonly line: number;
  readonly dropped: number;
}

/**
 * Tries numbers until every line is closed. `begin` is the number that each line begins after, `most` its largest. `keeps` tells which
 * trials of a round keep the promise. `isWorth` may close a line whose larger numbers would not be the answer.
 */
export async function search(
  lines: readonly { readonly begin: number; readonly most: number }[],
  keeps: (round: readonly Trial[]) => Promise<readonly boolean[]>,
  isWorth: (line: number, reach: Reach) => boolean = () => true,
): Promise<Reach[]> {
  const reaches = lines.map(({ begin, most }): Reach => ({ good: begin, bad: most + 1 }));
  const broken = lines.map(() => false);
  for (let step = 1;; step *= 2) {
    const round = reaches.flatMap((reach, line): Trial[] =>
      reach.bad - reach.good > 1 && (!broken[line] || isWorth(line, reach))
        ? [{ line, dropped: nextOf(reach, broken[line] ? Infinity : step) }]
        : []
    );
    if (round.length === 0) return reaches;
    const kept = await keeps(round);
    for (const [i, { line, dropped }] of round.entries()) {
      reaches[line] = { ...reaches[line], [kept[i] ? "good" : "bad"]: dropped };
      broken[line] ||= !kept[i];
    }
  }
}

/** So many steps on, as far as the line goes; where a larger number is known to fail, halfway to it. */
function nextOf({ good, bad }: Reach, step: number): number {
  return step === Infinity ? Math.floor((good + bad) / 2) : Math.min(bad - 1, good + step);
}
