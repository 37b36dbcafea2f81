/**
 * Intervals of ratios of sums over samples by Student's t. Sample i of n moves r = Σo / Σu by e_i = (o_i − r u_i) n / Σu, to first order
 * (Cochran 1977, Sampling Techniques, 6.4), so that r has the standard error of the mean of e.
 *
 * Of normal samples the intervals cover the ratio in 95 % of runs from two samples on (tests/core/measure/ratio_test.ts); percentiles of
 * samples drawn again cover 48 % with two samples and 88 % with eight.
 */
import { sum } from "../../entry/mod.ts";
import { halfWidth95 } from "./statistics.ts";

/** What one sample adds to both sums of a ratio: those of a mean are a sum and a count, those of a slope Σ xy and Σ x². */
type RatioPart = { readonly over: number; readonly under: number };

/** A number with the ends of its 95 % interval; null where there is none, as for a single sample. */
export type Estimate = { readonly value: number; readonly low: number | null; readonly high: number | null };

/** The least and the most that a number can be. */
export type Range = readonly [least: number, most: number];

/** The range of a share. */
export const SHARE: Range = [0, 1];
/** The range of a size or a divergence. */
export const POSITIVE: Range = [0, Infinity];

/** Returns Σ over / Σ under with its 95 % interval over the samples, within the number's range; null where Σ under is 0. */
export function ratio95(
  all: readonly RatioPart[],
  [least, most]: Range = [-Infinity, Infinity],
): Estimate | null {
  const parts = all.filter(({ over, under }) => over !== 0 || under !== 0);
  const [above, below] = [sum(parts, ({ over }) => over), sum(parts, ({ under }) => under)];
  const value = above / below;
  if (!Number.isFinite(value)) return null;
  // Equal samples leave exactly 0 where both sums are counts.
  const moved = parts.map(({ over, under }) => (over * below - above * under) / below * parts.length / below);
  const half = halfWidth95(moved);
  if (half === null) return { value, low: null, high: null };
  // Rounding may leave a value of −1e−9 where the least is 0.
  return {
    value,
    low: Math.min(value, Math.max(least, value - half)),
    high: Math.max(value, Math.min(most, value + half)),
  };
}
