/** Means, errors and rank correlation over small samples; float64. */

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard deviation of a sample, with n − 1; null below two values. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
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

/** 97.5 % quantile of Student's t for n − 1 degrees of freedom: half-width of a 95 % interval in standard errors. */
export function studentT95(n: number): number {
  const table = [NaN, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
  const degrees = n - 1;
  // Cornish–Fisher beyond the table: within 0.1 % from 11 degrees on.
  return table[degrees] ?? 1.95996 + 2.37227 / degrees + 2.8225 / degrees ** 2;
}
