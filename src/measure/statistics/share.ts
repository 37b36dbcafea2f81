/** Shares of documents, and means of several shares, with intervals that are honest for few documents and at 0 and 1. Float64. */
import type { Interval } from "./paired.ts";
import { mean } from "./statistics.ts";
import { sum } from "../../entry/mod.ts";

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
  return {
    value,
    low: right === 0 ? 0 : centre - half,
    high: right === n ? 1 : centre + half,
  };
}

/**
 * The unweighted mean of independent numbers, with the interval that follows from theirs (MOVER: Zou & Donner 2008, Statistics in
 * Medicine 27): the variance of the mean of means, where each part's own is taken from the distance to its limit. So a
 * part that shows no scatter, or has few documents, counts with its honest width. Of a single number it is the number's own interval.
 */
export function meanInterval(parts: readonly Interval[]): Interval {
  if (parts.length === 1) return parts[0];
  const value = mean(parts.map(({ value }) => value));
  const distance = (to: "low" | "high") =>
    Math.hypot(...parts.map((part) => part[to] - part.value)) / parts.length;
  return { value, low: value - distance("low"), high: value + distance("high") };
}

/** Bins of the calibration error. */
const BINS = 15;

/**
 * Expected calibration error (Guo et al. 2017, equation 3) with 15 bins of equal width: the mean gap between how sure an answer
 * is, `confidences` in [0, 1], and how often it is right.
 */
export function calibrationError(confidences: readonly number[], right: readonly boolean[]): number {
  const gaps = new Float64Array(BINS);
  confidences.forEach((confidence, i) => {
    gaps[Math.min(BINS - 1, Math.floor(confidence * BINS))] += Number(right[i]) - confidence;
  });
  return sum(Array.from(gaps, Math.abs)) / confidences.length;
}
