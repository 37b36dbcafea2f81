/**
 * Ridge regression from second moments: W [Q, P] and b [Q] of t ≈ W u + b, with W = C_tu (C_uu + λ I)⁻¹ and λ = ε tr(C_uu) / P. The
 * strength ε is the one with the smallest error on held-out tokens.
 */
import { cholesky } from "./cholesky.ts";
import { type Covariance, covariance, merged, type Moments } from "./moments.ts";
import type { Matrix, Products } from "./product.ts";
import { RefusedRepair } from "./refused.ts";

/** Strengths to choose from. The smallest keeps a map that is exactly linear. */
export const STRENGTHS = [1e-8, 1e-4, 1e-3, 1e-2, 1e-1] as const;
/** The strength where no samples are held out. */
const USUAL = 1e-3;

/** A linear fit. */
export interface Fit {
  /** W [Q, P]. */
  readonly weight: Matrix;
  /** b [Q], zeros where the fit is not centred. */
  readonly bias: Float64Array;
  readonly strength: number;
  /** The share of the targets' mean square that is left on the held-out tokens; null without any. */
  readonly left: number | null;
}

/** How to fit. */
export interface FitOptions {
  /** Whether there is a bias b. */
  readonly centred: boolean;
  readonly strengths?: readonly number[];
}

/**
 * Fits targets: ε by the error on held-out moments, W and b from all. Throws `RefusedRepair` if the inputs are singular even with the
 * strongest ridge, as those of too few tokens or of numbers that are not finite are.
 */
export async function ridge(
  training: Moments,
  heldOut: Moments | null,
  { centred, strengths = STRENGTHS }: FitOptions,
  products: Products,
): Promise<Fit> {
  const best = heldOut && await strengthOf(training, heldOut, { centred, strengths }, products);
  const strength = best?.strength ?? strengths.find((strength) => strength === USUAL) ?? strengths[0];
  const all = heldOut ? merged(training, heldOut) : training;
  const fit = heldOut && !best ? null : await solved(all, strength, centred, products);
  if (fit) return { ...fit, strength, left: best?.left ?? null };
  throw new RefusedRepair(
    `Cannot fit ${training.targets} numbers from ${training.inputs} over ${all.tokens} tokens: the inputs are singular, ` +
      `expected about ${10 * training.inputs} tokens`,
  );
}

/** The strength with the smallest error on held-out tokens; null if every strength leaves the inputs singular. */
export async function strengthOf(
  training: Moments,
  heldOut: Moments,
  { centred, strengths = STRENGTHS }: FitOptions,
  products: Products,
): Promise<{ readonly strength: number; readonly left: number } | null> {
  let best: { strength: number; left: number } | null = null;
  for (const strength of strengths) {
    const fit = await solved(training, strength, centred, products);
    const left = fit && await leftOf(fit, heldOut, products);
    if (left !== null && Number.isFinite(left) && (!best || left < best.left)) best = { strength, left };
  }
  return best;
}

type Map = Pick<Fit, "weight" | "bias">;

async function solved(
  moments: Moments,
  strength: number,
  centred: boolean,
  products: Products,
): Promise<Map | null> {
  const { inputs: P, targets: Q, weight, u, t } = moments;
  const { uu, tu }: Covariance = covariance(moments, centred);
  let trace = 0;
  for (let i = 0; i < P; i++) trace += uu[i * (P + 1)];
  for (let i = 0; i < P; i++) uu[i * (P + 1)] += strength * trace / P;
  const solve = await cholesky(matrix(P, P, uu), products);
  if (!solve) return null;
  const found = await solve(matrix(Q, P, tu));
  const bias = new Float64Array(Q);
  if (centred) {
    for (let q = 0; q < Q; q++) {
      let sum = t[q];
      for (let p = 0; p < P; p++) sum -= found.data[q * P + p] * u[p];
      bias[q] = sum / weight;
    }
  }
  return { weight: found, bias };
}

/** Σ w |t − W u − b|² over Σ w |t|². */
async function leftOf({ weight: W, bias }: Map, moments: Moments, products: Products): Promise<number> {
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

function matrix(rows: number, columns: number, data: Float64Array): Matrix {
  return { rows, columns, data: data as Float64Array<ArrayBuffer> };
}
