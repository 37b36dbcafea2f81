/**
 * How the accuracy of one model differs from another's over one task or several, and whether that is within a margin. Each task counts
 * once, however many documents it has (a stratified mean).
 */
import { sum } from "../../entry/mod.ts";
import { changeInterval, type Changes, equivalence, type Interval, limits } from "./paired.ts";
import { type RoundChanges, roundsInterval, roundsTests } from "./rounds.ts";
import { mean } from "./statistics.ts";

/** How the answers that a number counts changed, as they were asked: all, or in rounds. */
export type AnyChanges = Changes | RoundChanges;

/** Whether two models are equivalent within a margin; "cannot tell" for too few documents or an interval across the margin. */
export type Verdict = typeof VERDICTS[number];
/** All of them. */
export const VERDICTS = ["yes", "no", "cannot tell"] as const;

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
const Z_95 = 1.6448536269514722;

/**
 * The mean change over tasks that are independent of each other. For one task the p value is exact (paired.ts); for several, the
 * standard error is the one that the distance to the 90 % limit stands for, so that p is below 0.05 exactly where
 * that limit is within the margin.
 */
export function changeOver(tasks: readonly AnyChanges[], margin: number): AccuracyChange {
  const inRounds = tasks.filter((changes) => "rounds" in changes);
  if (inRounds.length > 0) return changeInRounds(inRounds, margin);
  return changeOfAll(tasks as readonly Changes[], margin);
}

/** That of rounds, each the mean of its tasks: whether no more than `margin` is lost. */
function changeInRounds(tasks: readonly RoundChanges[], margin: number): AccuracyChange {
  const count = Math.min(...tasks.map(({ rounds }) => rounds.length));
  const values = Array.from({ length: count }, (_, i) => mean(tasks.map(({ rounds }) => rounds[i])));
  const { value, low, high } = roundsInterval(values);
  const { verdict, p } = roundsVerdict(values, margin);
  return { difference: value, low, high, equivalence: p, margin, verdict, n: count * tasks.length };
}

/** Whether no more than `margin` is lost, by rounds, and the p value of its opposite. */
export function roundsVerdict(values: readonly number[], margin: number): { verdict: Verdict; p: number } {
  const { above: p, below } = roundsTests(values, -margin);
  return { verdict: p <= LEVEL ? "yes" : below <= LEVEL ? "no" : "cannot tell", p };
}

function changeOfAll(tasks: readonly Changes[], margin: number): AccuracyChange {
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
    verdict: p < LEVEL ? "yes" : low > margin || high < -margin ? "no" : "cannot tell",
    n: sum(tasks, ({ n }) => n),
  };
}

function recovered({ value, low, high }: Interval, margin: number): number {
  const chance = (gap: number, width: number) =>
    width > 0 ? 1 - normalShare(Z_95 * gap / width) : Number(gap <= 0);
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

/** 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;

/**
 * A share of right answers with its 95 % interval (Wilson 1927, Journal of the American Statistical Association 22). Unlike
 * ± 1.96 standard errors it has a width where all or none are right, and it stays within 0 and 1.
 */
export function shareInterval(right: number, n: number): Interval {
  const value = right / n;
  const centre = (right + Z * Z / 2) / (n + Z * Z);
  const half = Z / (n + Z * Z) * Math.sqrt(n * value * (1 - value) + Z * Z / 4);
  // At 0 and at n the limit is the value itself; rounding would put it beside.
  return { value, low: right === 0 ? 0 : centre - half, high: right === n ? 1 : centre + half };
}

/**
 * The mean of independent numbers, all with the same weight by default, with the interval that follows from theirs (MOVER: Zou & Donner 2008, Statistics in
 * Medicine 27): the variance of the mean of means, where each part's own is taken from the distance to its limit. So a
 * part that shows no scatter, or has few documents, counts with its honest width. Of a single number it is the number's own interval.
 */
export function meanInterval(parts: readonly Interval[], weights = parts.map(() => 1)): Interval {
  if (parts.length === 1) return parts[0];
  const all = sum(weights);
  const value = sum(parts.map(({ value }, i) => weights[i] * value)) / all;
  const distance = (to: "low" | "high") =>
    Math.hypot(...parts.map((part, i) => weights[i] * (part[to] - part.value))) / all;
  return { value, low: value - distance("low"), high: value + distance("high") };
}
