/** Whether a model is right as often as it is sure. Float64. */

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
