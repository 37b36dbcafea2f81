/**
 * The confidence interval of a rank correlation over n pairs: Fisher's z with the standard error √((1 + r²/2)/(n − 3)) of Bonett & Wright
 * (2000, Psychometrika 65), which covers well for Spearman's r up to 0.95.
 *
 * Limits: at |r| = 1 there is none. It treats the pairs as independent. Neighbouring layers are similar, so over layers it is probably too narrow.
 */

/** The 95 % confidence interval of Spearman's correlation r over n pairs; null below four pairs, and where |r| is 1. */
export function rankInterval(r: number, n: number): readonly [low: number, high: number] | null {
  if (n < 4 || !(Math.abs(r) < 1)) return null;
  const half = 1.95996 * Math.sqrt((1 + r * r / 2) / (n - 3));
  const z = Math.atanh(r);
  return [Math.tanh(z - half), Math.tanh(z + half)];
}
