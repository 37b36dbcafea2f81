/**
 * Ridge regression from second moments: W [Q, P] and b [Q] of t ≈ W u + b, with W = C_tu (C_uu + λ I)⁻¹ and λ = ε tr(C_uu) / P. The
 * strength ε is the one with the smallest error on samples that choose. What is left is measured on samples that neither fitted nor chose.
 */
import { cholesky, type Matrix, matrix, type Products } from "./product.ts";
import { covariance, merged, type Moments, RefusedRepair } from "./moments.ts";

/** Strengths to choose from. The smallest keeps a map that is exactly linear. */
export const STRENGTHS = [1e-8, 1e-4, 1e-3, 1e-2, 1e-1] as const;
/** The strength where no samples choose it. */
const USUAL = 1e-3;

export interface Fit {
  /** W [Q, P]. */
  readonly weight: Matrix;
  /** b [Q], zeros where the fit is not centred. */
  readonly bias: Float64Array;
  readonly strength: number;
  /** The share of the targets' mean square that is left on the held-out tokens; null without any. */
  readonly left: number | null;
}

/** Sums over the samples of a text, by what they are for; null where there are none. */
export interface FitSums {
  /** Those that are fitted by each strength. */
  readonly fitting: Moments;
  /** Those whose error chooses the strength; the fit with that strength is of these too. */
  readonly choosing: Moments | null;
  /** Those that measure the fit, and are not in it. */
  readonly heldOut: Moments | null;
}

/**
 * Fits targets, with a bias if `centred`: ε by the error on the moments that choose, W and b from these and those that are fitted, what is left on those held
 * out. Throws `RefusedRepair` if the inputs are singular even with the strongest ridge, as those of too few tokens or of numbers that
 * are not finite are.
 */
export async function ridge(
  { fitting, choosing, heldOut }: FitSums,
  centred: boolean,
  products: Products,
): Promise<Fit> {
  const strength = choosing ? await strengthOf(fitting, choosing, centred, products) : USUAL;
  const all = choosing ? merged(fitting, choosing) : fitting;
  const fit = strength && await fitter(all, centred, products)(strength);
  if (fit) return { ...fit, strength, left: heldOut && await leftOf(fit, heldOut, products) };
  throw new RefusedRepair(
    `Cannot fit ${all.targets} numbers from ${all.inputs} over ${all.tokens} tokens: the inputs are singular, ` +
      `expected about ${10 * all.inputs} tokens`,
  );
}

type Map = Pick<Fit, "weight" | "bias">;

/** Targets beyond four times as many are summed to this number, with random signs, to choose a strength. */
const SKETCH = 256;

/** The strength with the least error on other moments; null if none can be solved. */
export async function strengthOf(
  training: Moments,
  heldOut: Moments,
  centred: boolean,
  products: Products,
): Promise<number | null> {
  const [few, own] = training.targets > 4 * SKETCH
    ? await Promise.all([sketched(training, products), sketched(heldOut, products)])
    : [training, heldOut];
  const fit = fitter(few, centred, products);
  let best: number | null = null;
  let least = Infinity;
  for (const strength of STRENGTHS) {
    const map = await fit(strength);
    const left = map ? await leftOf(map, own, products) : NaN;
    if (Number.isFinite(left) && left < least) [best, least] = [strength, left];
  }
  return best;
}

/**
 * Moments of fewer targets S t, with signs ±1 / √k in S [k, Q]: squared errors of a linear fit keep their size within a tenth, and
 * their order nearly always, since all strengths see the same S. Solving for all targets takes most of the time of a wide layer.
 */
async function sketched(moments: Moments, products: Products): Promise<Moments> {
  const { inputs: P, targets: Q, t, tu } = moments;
  const signs = new Float64Array(SKETCH * Q);
  let state = 1;
  for (let i = 0; i < signs.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    signs[i] = (state >>> 31 ? 1 : -1) / Math.sqrt(SKETCH);
  }
  const some = matrix(SKETCH, Q, signs);
  const [own, sums] = [
    await products.multiply(some, matrix(Q, P, tu)),
    await products.multiply(some, matrix(Q, 1, t)),
  ];
  return { ...moments, targets: SKETCH, t: sums.data, tu: own.data };
}

/** Fits of some moments, whose covariance is made once: W and b with a strength, or null where the inputs are singular. */
export function fitter(
  moments: Moments,
  centred: boolean,
  products: Products,
): (strength: number) => Promise<Map | null> {
  const { inputs: P, targets: Q } = moments;
  const { uu, tu } = covariance(moments, centred);
  let trace = 0;
  for (let i = 0; i < P; i++) trace += uu[i * (P + 1)];
  return async (strength) => {
    const solve = await cholesky(matrix(P, P, uu), products, strength * trace / P);
    if (!solve) return null;
    const weight = await solve(matrix(Q, P, tu));
    return { weight, bias: centred ? biasOf(moments, weight) : new Float64Array(Q) };
  };
}

/** b = E[t] − W E[u]. */
function biasOf({ inputs: P, targets: Q, weight, u, t }: Moments, { data }: Matrix): Float64Array {
  const bias = new Float64Array(Q);
  for (let q = 0; q < Q; q++) {
    let sum = t[q];
    for (let p = 0; p < P; p++) sum -= data[q * P + p] * u[p];
    bias[q] = sum / weight;
  }
  return bias;
}

/** Σ w |t − W u − b|² over Σ w |t|². */
export async function leftOf(
  { weight: W, bias }: Map,
  moments: Moments,
  products: Products,
): Promise<number> {
  const { inputs: P, targets: Q, u, t, uu, tu, tt, weight } = moments;
  const product = await products.multiply(W, matrix(P, P, uu));
  let error = tt;
  for (let i = 0; i < Q * P; i++) error += W.data[i] * (product.data[i] - 2 * tu[i]);
  for (let q = 0; q < Q; q++) {
    let mapped = 0; // Σ w (W u)_q
    for (let p = 0; p < P; p++) mapped += W.data[q * P + p] * u[p];
    error += bias[q] * (weight * bias[q] + 2 * (mapped - t[q]));
  }
  return tt > 0 ? error / tt : 1;
}
