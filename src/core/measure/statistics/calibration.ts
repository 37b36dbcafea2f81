/** How far the shares that a model gives to choices can be trusted. */
import { sum } from "../../entry/mod.ts";
import { mean } from "./statistics.ts";

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

/** Share of documents whose prediction set has the right choice. */
const COVERED = 0.9;

/**
 * Mean size of prediction sets (split conformal: Vovk, Gammerman & Shafer 2005; Angelopoulos & Bates, arXiv 2107.07511): every other document, of n,
 * sets the threshold, the ⌈0.9 (n + 1)⌉-th smallest 1 − p(right); a set has the choices whose 1 − p is no larger, and the right one with a chance of 90 %
 * at least; the size is that of the other documents. `shares` of choices by document, which sum to one, and `right` ones; null for fewer than 17 documents,
 * whose sets would have all choices.
 */
export function predictionSetSize(
  shares: readonly (readonly number[])[],
  right: readonly number[],
): number | null {
  const isFirst = (_: unknown, i: number) => i % 2 === 0;
  const scores = shares.map((own, i) => 1 - own[right[i]]).filter(isFirst).sort((a, b) => a - b);
  const place = Math.ceil(COVERED * (scores.length + 1));
  if (place > scores.length) return null;
  const threshold = scores[place - 1];
  return mean(
    shares.filter((own, i) => !isFirst(own, i)).map((own) => own.filter((p) => 1 - p <= threshold).length),
  );
}
