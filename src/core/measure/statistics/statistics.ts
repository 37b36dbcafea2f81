/** Means, errors and rank correlation over small samples; float64. */
import { expect, like, sum } from "../../entry/mod.ts";
import { incompleteBeta } from "./binomial.ts";

/** Arithmetic mean; NaN of nothing. */
export const mean = (values: readonly number[]): number => sum(values) / values.length;

/** The place of the largest value, of equal ones the first. */
export function largestAt(values: Float32Array): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at] > values[best]) best = at;
  return best;
}

/** Standard deviation of a sample, with n − 1; null below two values. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  const squares = sum(values, (value) => (value - centre) ** 2);
  return Math.sqrt(squares / (values.length - 1));
}

/** Standard error of the mean, the deviation / √n; null below two values. */
export function standardError(values: readonly number[]): number | null {
  const scatter = deviation(values);
  return scatter === null ? null : scatter / Math.sqrt(values.length);
}

/** Half the width of the mean's 95 % confidence interval; null below two values. */
export function halfWidth95(values: readonly number[]): number | null {
  const error = standardError(values);
  return error === null ? null : studentT95(values.length) * error;
}

/** Ranks from 1, ties share their mean rank. Throws `RangeError` for NaN, which has none. */
export function ranks(values: readonly number[]): number[] {
  if (values.some(Number.isNaN)) throw new RangeError("Cannot rank values: found NaN, expected numbers");
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let i = start; i < end; i++) result[order[i]] = (start + end + 1) / 2;
    start = end;
  }
  return result;
}

/** Pearson's correlation; NaN where one side does not vary. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Spearman's rank correlation. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  return correlation(ranks(a), ranks(b));
}

const quantiles = new Map<string, number>();

/**
 * 97.5 % quantile of Student's t for n − 1 degrees of freedom: half-width of a 95 % interval in standard errors. It is where the chance
 * of a larger |t|, I_x(ν/2, ½) with x = ν / (ν + t²), is 5 % (Abramowitz and Stegun 26.7.1), or 5 % over the number of looks
 * (Bonferroni). NaN below two values.
 */
export function studentT95(n: number, looks = 1): number {
  if (!(n > 1)) return NaN;
  const known = quantiles.get(`${n} ${looks}`);
  if (known !== undefined) return known;
  const degrees = n - 1;
  let [low, high] = [1.9, 12.8 * looks]; // the normal distribution's is 1.96, that of one degree 12.71
  while (true) {
    const t = (low + high) / 2;
    if (t <= low || t >= high) {
      quantiles.set(`${n} ${looks}`, t);
      return t;
    }
    if (incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) > 0.05 / looks) low = t;
    else high = t;
  }
}

/** The median and the quartiles of at least one number; between two numbers they are on the line. Throws `RangeError` for none. */
export function quartiles(values: readonly number[]) {
  if (values.length === 0) {
    throw new RangeError("Cannot compute a median: found no numbers, expected at least one");
  }
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** The number of a sorted list below which a share of the others lies; between two numbers it is on the line. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (place % 1) * (above - below);
}

export const present = <T>(values: readonly (T | null)[]): T[] => values.filter((value) => value !== null);

/** The mean of the values that are numbers; null where there is none. */
export function meanIn(values: readonly (number | null)[]): number | null {
  const finite = present(values).filter(Number.isFinite);
  return finite.length > 0 ? mean(finite) : null;
}

const numbers = like(
  "a list of numbers",
  (values) => Array.isArray(values) && values.every((value) => value === null || typeof value === "number"),
);

/**
 * The median of the values that are not null; null where there is no such value.
 *
 * @example
 * ```ts
 * import { median } from "lamina/figures";
 *
 * console.log(median([0.2, null, 0.1, 0.6])); // 0.2
 * ```
 */
export function median(values: readonly (number | null)[]): number | null {
  expect("take the median", "values", values, numbers);
  const sorted = present(values).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
