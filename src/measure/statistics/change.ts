/**
 * How the accuracy of one model differs from another's over one task or several, and whether that is within a margin. Each task counts
 * once, however many documents it has (a stratified mean).
 */
import { sum } from "../../entry/mod.ts";
import { changeInterval, type Changes, equivalence, type Interval, limits } from "./paired.ts";
import { meanInterval } from "./share.ts";

/** Whether two models are equivalent within a margin; "cannot tell" for too few documents or an interval across the margin. */
export type Verdict = "yes" | "no" | "cannot tell";
/** All of them. */
export const VERDICTS: readonly Verdict[] = ["yes", "no", "cannot tell"];

/** A difference in accuracy between two models, and its verdict. */
export interface AccuracyChange {
  /** The difference as a share: −0.01 is a loss of one point. */
  readonly difference: number;
  /** Lower end of the 95 % interval. */
  readonly low: number;
  /** Upper end of the 95 % interval. */
  readonly high: number;
  /** p value of two one-sided tests; below 0.05, both models are equivalent within `margin`. */
  readonly equivalence: number;
  /** The difference that counts as no degradation. */
  readonly margin: number;
  /**
   * Whether both are equivalent within `margin`: "yes" if `equivalence` is below 0.05, that is, if the 90 % interval lies within the
   * margin; "no" if the 95 % interval lies beyond it; otherwise "cannot tell".
   */
  readonly verdict: Verdict;
  /** Number of documents in all tasks. */
  readonly n: number;
}

/** Below it, a test counts. */
const LEVEL = 0.05;
/** 95 % quantile of the standard normal distribution. */
const Z = 1.6448536269514722;

/**
 * The mean change over tasks that are independent of each other. For one task the p value is exact (paired.ts); for several, the
 * standard error is the one that the distance to the 90 % limit stands for (share.ts), so that p is below 0.05 exactly where
 * that limit is within the margin.
 */
export function changeOver(tasks: readonly Changes[], margin: number): AccuracyChange {
  const { value, low, high } = meanInterval(tasks.map(changeInterval));
  const p = tasks.length === 1
    ? equivalence(tasks[0], margin)
    : recovered(meanInterval(tasks.map((changes) => limits(changes, LEVEL))), margin);
  return {
    difference: value,
    low,
    high,
    equivalence: p,
    margin,
    verdict: verdictOf(p, low, high, margin),
    n: sum(tasks, ({ n }) => n),
  };
}

function verdictOf(p: number, low: number, high: number, margin: number): Verdict {
  if (p < LEVEL) return "yes";
  return low > margin || high < -margin ? "no" : "cannot tell";
}

function recovered({ value, low, high }: Interval, margin: number): number {
  const chance = (gap: number, width: number) =>
    width > 0 ? 1 - normalShare(Z * gap / width) : Number(gap <= 0);
  return Math.max(chance(margin + value, value - low), chance(margin - value, high - value));
}

/** Share of the standard normal distribution below x, to 1.5e-7 (Abramowitz and Stegun 7.1.26). */
function normalShare(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const series = t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const half = series * Math.exp(-z * z) / 2;
  return x < 0 ? half : 1 - half;
}
