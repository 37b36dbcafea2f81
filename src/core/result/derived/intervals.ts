/** 95 % intervals: lists sorted by them, and the cost of drops with theirs. */
import { expect, func, like } from "../../entry/mod.ts";
import { interval95, type Rise } from "../../measure/mod.ts";

/** The ends of a 95 % interval; null where a single sample has none. */
export interface Ends {
  /** Its lower end. */
  readonly low: number | null;
  /** Its upper end. */
  readonly high: number | null;
}

/** The ends of a difference's interval. */
export interface Difference extends Ends {
  /** Whether both sides are the same by construction, as two plans with the same modules; absent where they are not. */
  readonly same?: boolean | undefined;
}

export type { Rise };

/** Which of two is the larger at 95 %: −1 the second, 1 the first, 0 cannot tell. */
export type Sign = -1 | 0 | 1;

/** How many comparisons come out either way, how many stay open, and all of them. */
export function tally(signs: readonly Sign[]) {
  const count = (counted: Sign) => signs.filter((sign) => sign === counted).length;
  return { below: count(-1), above: count(1), unknown: count(0), all: signs.length };
}

/** Comparisons by their outcome. */
export type Tally = ReturnType<typeof tally>;

/** A rise of the loss with the ends of its 95 % interval. */
export interface RiseInterval extends Ends {
  /** Nats per token. */
  readonly rise: number;
}

/** A list in four parts. */
export interface Sorted<T> {
  /** Those whose interval is below zero. */
  readonly below: T[];
  /** Those whose interval is above zero. */
  readonly above: T[];
  /** Those whose interval contains zero, or that have none. */
  readonly neither: T[];
  /** Those that cannot differ, as two plans that drop the same modules. */
  readonly same: T[];
}

const anyList = like("a list", Array.isArray);
const anEnd = (value: unknown) => value === null || Number.isFinite(value);
const anInterval = like("an interval with low and high", (value) => {
  const { low, high } = (value ?? {}) as { low?: unknown; high?: unknown };
  return anEnd(low) && anEnd(high);
});

/** Where an interval lies: below zero, above it, or on both sides; one without limits, from a single sample, says nothing. */
export function intervalSign(interval: Ends): Sign {
  expect("choose words", "the interval", interval, anInterval);
  const { low, high } = interval;
  if (low === null || high === null) return 0;
  return high < 0 ? -1 : low > 0 ? 1 : 0;
}

/**
 * Sorts a list by 95 % intervals, so that a sentence can name what is lower, what is higher, and what cannot be told apart.
 *
 * @example
 * ```ts
 * import { reading } from "lamina";
 * import { byInterval } from "lamina/figures";
 *
 * const changes = [{ order: "random", low: 0.2, high: 0.4 }, { order: "angular", low: -0.1, high: 0.1 }];
 * const { above, neither } = byInterval(changes, (change) => change);
 * console.log(reading`Worse: ${above.map(({ order }) => order)}. Cannot tell: ${neither.map(({ order }) => order)}.`);
 * ```
 */
export function byInterval<T>(items: readonly T[], intervalOf: (item: T) => Difference): Sorted<T> {
  expect("sort by intervals", "items", items, anyList);
  expect("sort by intervals", "intervalOf", intervalOf, func);
  const isSame = (item: T) => Boolean(intervalOf(item)?.same);
  const those = (sign: Sign) => items.filter((item) => intervalSign(intervalOf(item)) === sign);
  return {
    below: those(-1),
    above: those(1),
    neither: those(0).filter((item) => !isSame(item)),
    same: items.filter(isSame),
  };
}

/** A rise with the ends of its interval over so many samples. */
export function riseOverSamples(samples: number, { rise, riseError }: Rise): RiseInterval {
  return { rise, ...endsOf(rise, riseError, samples) };
}

/** The interval of a mean over n samples, if it has one, corrected for a number of looks. */
export function endsOf(mean: number, error: number | null, n: number, looks = 1): Ends {
  const [low, high] = interval95(mean, error, n, looks).map((end) => Number.isFinite(end) ? end : null);
  return { low, high };
}
