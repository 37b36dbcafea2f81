/**
 * Second moments of pairs of vectors: all that a linear fit of targets t [Q] from inputs u [P] needs. Sums over tokens, each with a
 * weight, in float64; those of disjoint samples add up.
 */
/** The model and the options allow no repair of this plan. Other plans may be repaired. */
export class RefusedRepair extends RangeError {}

/** Weighted sums over tokens. Matrices are row-major. */
export interface Moments {
  readonly inputs: number;
  readonly targets: number;
  /** Number of tokens, and Σ w. */
  tokens: number;
  weight: number;
  /** Σ w u [P] and Σ w t [Q]. */
  readonly u: Float64Array;
  readonly t: Float64Array;
  /** Σ w u uᵀ [P, P] and Σ w t uᵀ [Q, P]. */
  readonly uu: Float64Array;
  readonly tu: Float64Array;
  /** Σ w |t|². */
  tt: number;
}

export function noMoments(inputs: number, targets: number): Moments {
  const zeros = (length: number) => new Float64Array(length);
  return {
    ...{ inputs, targets, tokens: 0, weight: 0, tt: 0 },
    u: zeros(inputs),
    t: zeros(targets),
    uu: zeros(inputs * inputs),
    tu: zeros(targets * inputs),
  };
}

export function addTo(sums: Float64Array, own: Float32Array | Float64Array): void {
  for (let i = 0; i < own.length; i++) sums[i] += own[i];
}

export function merged(a: Moments, b: Moments): Moments {
  const sums = noMoments(a.inputs, a.targets);
  for (const own of [a, b]) {
    sums.tokens += own.tokens;
    sums.weight += own.weight;
    sums.tt += own.tt;
    for (const name of ["u", "t", "uu", "tu"] as const) addTo(sums[name], own[name]);
  }
  return sums;
}

/** Moments over their weight, about the means if `centred`: covariances of the tokens, or their mean products. */
export function covariance({ inputs: P, weight, u, t, uu, tu, tt }: Moments, centred: boolean) {
  const [meanU, meanT] = [u, t].map((sum) => sum.map((value) => centred ? value / weight : 0));
  const about = (products: Float64Array, rows: Float64Array) => {
    const found = new Float64Array(products.length);
    rows.forEach((mean, row) => {
      for (let i = row * P, p = 0; p < P; i++, p++) found[i] = products[i] / weight - mean * meanU[p];
    });
    return found;
  };
  return {
    uu: about(uu, meanU),
    tu: about(tu, meanT),
    tt: tt / weight - meanT.reduce((sum, value) => sum + value * value, 0),
  };
}
