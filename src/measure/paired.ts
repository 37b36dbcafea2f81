/** Two models over the same documents: how much they differ, how sure that is, and whether it is as good as nothing. Float64. */
import { philox, streamKeys } from "../tensor/mod.ts";
import { mean, standardError } from "./statistics.ts";

/** A mean difference and its 95 % interval. */
export interface Difference {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;
/** Words that the generator gives at once. */
const WORDS = 4;

/**
 * The mean of paired differences [n], with the percentile interval of a bootstrap over documents (Efron 1979): 2000 resamples,
 * the same ones for the same n and seed. Throws `RangeError` for no pairs.
 */
export function bootstrapDifference(differences: readonly number[], seed = 0): Difference {
  const n = differences.length;
  if (n === 0) throw new RangeError("Cannot compare models over no documents: expected one at least");
  const keys = streamKeys(seed, 0, 0);
  const means = Float64Array.from({ length: RESAMPLES }, (_, resample) => {
    let sum = 0;
    for (let i = 0; i < n; i += WORDS) {
      const words = philox([resample, i, 0, 0], keys);
      for (let w = 0; w < WORDS && i + w < n; w++) {
        sum += differences[Math.floor((words[w] >>> 0) / 2 ** 32 * n)];
      }
    }
    return sum / n;
  }).sort();
  const at = (share: number) => means[Math.round(share * (RESAMPLES - 1))];
  return { difference: mean(differences), low: at(0.025), high: at(0.975) };
}

/**
 * Two one-sided tests (Schuirmann 1987) of whether paired differences are within ±margin: the larger of the two p values, by the
 * normal distribution. Below 0.05 the models are equivalent at that margin. Null for fewer than two pairs.
 */
export function equivalence(differences: readonly number[], margin: number): number | null {
  const error = standardError(differences);
  if (error === null) return null;
  const centre = mean(differences);
  if (error === 0) return Math.abs(centre) < margin ? 0 : 1;
  return Math.max(1 - normalShare((centre + margin) / error), normalShare((centre - margin) / error));
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
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / confidences.length;
}
