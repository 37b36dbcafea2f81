/**
 * How far two predictions of the next token lie apart: in the hidden state that the head reads, in the logits, in the probabilities.
 *
 * With p = softmax(z / T) and a change Δz of the logits, He et al. (arXiv 2603.24652) expand to second order
 * KL(p‖p′) ≈ Var_p(Δz) / 2T² and 1 − cos(p, p′) ≈ Var_r(Δz) / 2T² with r ∝ p². Both sides are computed here in float64. A shift of
 * all logits changes neither.
 */

/** Distances of two predictions' probabilities, and what they tend to as drops get small. */
export const DISTANCES = ["kl", "variance", "distance", "squares"] as const;
/** Measures of two predictions, in the order of tables. */
export const PREDICTION_MEASURES = ["hidden", "logits", ...DISTANCES] as const;
/** One of them. */
export type PredictionMeasure = typeof PREDICTION_MEASURES[number];

/** How far the prediction of a plan lies from that of the full model. */
export interface PredictionChange {
  /** Cosine of the logits; null where all of one side are zero. */
  readonly logits: number | null;
  /** KL(p‖p′), nats. */
  readonly kl: number;
  /** Var_p(Δz) / 2T². */
  readonly variance: number;
  /** 1 − cos(p, p′). */
  readonly distance: number;
  /** Var_r(Δz) / 2T², r ∝ p². */
  readonly squares: number;
}

/** A prediction that others are compared with. */
export interface Prediction {
  /** The logits z [V]. */
  readonly logits: Float32Array;
  /** The temperature T. */
  readonly temperature: number;
  /** p = softmax(z / T), float64 [V]. */
  readonly p: Float64Array;
  /** ln Σ e^(z / T). */
  readonly logSum: number;
  /** Σ p². */
  readonly square: number;
}

/** Returns the prediction of logits at a temperature. Throws `RangeError` for none, and where one is not finite. */
export function prediction(logits: Float32Array, temperature = 1): Prediction {
  let [most, zero] = [-Infinity, 0];
  for (let v = 0; v < logits.length; v++) {
    if (logits[v] > most) most = logits[v];
    zero += 0 * logits[v]; // NaN where one is not finite
  }
  if (zero !== 0 || logits.length === 0) {
    const found = zero === 0 ? "no logits" : `a logit of ${logits.find((z) => !Number.isFinite(z))}`;
    throw new RangeError(`Cannot compare predictions: found ${found}, expected finite numbers`);
  }
  const p = new Float64Array(logits.length);
  let [sum, square] = [0, 0];
  for (let v = 0; v < p.length; v++) sum += p[v] = Math.exp((logits[v] - most) / temperature);
  for (let v = 0; v < p.length; v++) {
    p[v] /= sum;
    square += p[v] * p[v];
  }
  return { logits, temperature, p, logSum: most / temperature + Math.log(sum), square };
}

/** Returns how far other logits lie from a prediction. Throws `RangeError` where one is not finite, or their number is another. */
export function predictionChange(from: Prediction, logits: Float32Array): PredictionChange {
  const { logits: z, p, logSum, square, temperature } = from;
  if (logits.length !== z.length) {
    throw new RangeError(`Cannot compare predictions: found ${logits.length} logits, expected ${z.length}`);
  }
  const other = prediction(logits, temperature);
  // Means of Δz under p and r first: variances and distances as sums of squares lose no digits where changes are small.
  let [mean, meanSquares, kl] = [0, 0, 0];
  for (let v = 0; v < z.length; v++) {
    const change = logits[v] - z[v];
    mean += p[v] * change;
    meanSquares += p[v] * p[v] * change;
    kl += p[v] * (other.logSum - logSum - change / temperature);
  }
  meanSquares /= square;
  const [length, otherLength] = [Math.sqrt(square), Math.sqrt(other.square)];
  let [variance, squares, apart] = [0, 0, 0];
  for (let v = 0; v < z.length; v++) {
    const change = logits[v] - z[v];
    variance += p[v] * (change - mean) ** 2;
    squares += p[v] * p[v] * (change - meanSquares) ** 2;
    apart += (p[v] / length - other.p[v] / otherLength) ** 2;
  }
  return {
    logits: cosine(z, logits),
    kl: Math.max(0, kl), // rounding may leave −1e-17
    variance: variance / (2 * temperature ** 2),
    distance: Math.min(1, apart / 2),
    squares: squares / (square * 2 * temperature ** 2),
  };
}

/** The cosine of two vectors, float64; null where one of them is zero. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  if (aa === 0 || bb === 0) return null;
  return Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)));
}
