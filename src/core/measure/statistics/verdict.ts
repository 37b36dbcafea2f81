/**
 * Verdicts on few numbers: a sign, a count or a correlation only where a 95 % interval allows it, else "cannot tell". Float64.
 *
 * The interval of a rank correlation is Fisher's z with the standard error √((1 + r²/2)/(n − 3)) of Bonett & Wright (2000,
 * Psychometrika 65), which covers well for Spearman's r up to 0.95. Limits: there is none at |r| = 1. Pairs are treated as
 * independent; neighbouring layers are similar, so over layers it is probably too narrow.
 */
import { halfWidth95, mean, studentT95 } from "./statistics.ts";

/**
 * The sign of the mean of paired differences [n] where its 95 % interval by Student's t excludes 0, else 0: cannot tell. Fewer than
 * two pairs, or a value that is not finite, give 0.
 */
export function toldSign(differences: readonly number[]): -1 | 0 | 1 {
  const half = halfWidth95(differences);
  if (half === null || !(Math.abs(mean(differences)) > half)) return 0;
  return mean(differences) > 0 ? 1 : -1;
}

/** A mean over n samples, and the ends of its 95 % interval by Student's t, corrected for a number of looks; they are infinite where one sample has no error. */
export function interval95(
  value: number,
  standardError: number | null,
  n: number,
  looks = 1,
): readonly [low: number, high: number] {
  const half = n > 1 && standardError !== null ? studentT95(n, looks) * standardError : Infinity;
  return [value - half, value + half];
}

/**
 * The fewest pairs whose perfect rank correlation differs from 0 at 95 %: two of the n! orders are perfect, and 2/5! is 0.017
 * where 2/4! is 0.083. Fisher's interval does not exist there.
 */
const PERFECT = 5;

/** Whether the 95 % interval of Spearman's correlation r over n pairs excludes 0; a null correlation has none. */
export function correlates(
  r: number | null,
  n: number,
  interval: readonly [low: number, high: number] | null = r === null ? null : rankInterval(r, n),
): boolean {
  if (r === null || !Number.isFinite(r)) return false;
  if (interval) return interval[0] > 0 || interval[1] < 0;
  return n >= PERFECT && Math.abs(r) >= 1 - 1e-12;
}

/** A rise of the loss and its standard error, as a sweep has them. */
export interface Rise {
  /** Nats per token. */
  readonly rise: number;
  /** Over samples; null for a single one. */
  readonly riseError: number | null;
}

/** What numbers of dropped modules cost. */
type Rises = readonly (Rise & { readonly dropped: number })[];

/** How many modules can be dropped within a budget. */
export interface Allowance {
  /** The largest number of drops such that its loss and that of every smaller number are within the budget; 0 if one drop exceeds it. */
  readonly dropped: number;
  /** The same number by the upper end of the loss's 95 % interval. */
  readonly atLeast: number;
  /** The same number by the lower end of the interval. */
  readonly atMost: number;
}

/** The numbers of drops that a budget allows, of those that a curve tries, in their order; errors are over n samples. */
export function withinBudget(points: Rises, budget: number, n: number): Allowance {
  const largest = (loss: (point: Rises[number]) => number) => {
    const over = points.findIndex((point) => !(loss(point) <= budget));
    return points.slice(0, over < 0 ? undefined : over).at(-1)?.dropped ?? 0;
  };
  // Nothing dropped costs nothing, whatever the samples say.
  const ends = ({ dropped, rise, riseError }: Rises[number]) =>
    dropped === 0 ? [0, 0] as const : interval95(rise, riseError, n);
  return {
    dropped: largest(({ rise }) => rise),
    atLeast: largest((point) => ends(point)[1]),
    atMost: largest((point) => ends(point)[0]),
  };
}

/** The 95 % confidence interval of Spearman's correlation r over n pairs; null below four pairs, and where |r| is 1. */
export function rankInterval(r: number, n: number): readonly [low: number, high: number] | null {
  if (n < 4 || !(Math.abs(r) < 1)) return null;
  const half = 1.95996 * Math.sqrt((1 + r * r / 2) / (n - 3));
  const z = Math.atanh(r);
  return [Math.tanh(z - half), Math.tanh(z + half)];
}
