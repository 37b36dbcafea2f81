/**
 * Over-smoothing: how similar the tokens of a sample have become, without a T × T matrix.
 *
 * With û_t = x_t/|x_t| and G = X̂X̂ᵀ the cosines of all pairs of T tokens:
 *
 *     mean pairwise cosine   (|Σ û|² − T) / (T(T − 1))
 *     residual to rank one   √(1 − |Σ x|² / (T Σ|x|²)), which is |X − 1x̄ᵀ| / |X| in the Frobenius norm (Dong et al.,
 *                            arXiv 2103.03404)
 *     participation ratio    (tr G)² / tr(G²): T equal tokens give 1, T orthogonal ones T
 *
 * tr G = T, and tr(G²) is the sum of the squares of X̂X̂ᵀ or of X̂ᵀX̂, whichever is smaller. A token that is zero has no
 * direction: it is left out of all of them and counted.
 *
 * Limit: as tokens become equal, the residual is the root of a difference that float32 sums know to about 1e-7: below
 * 3e-4 its digits mean nothing.
 */
import { sum } from "../../entry/mod.ts";

export const SMOOTHING_NAMES = ["meanCosine", "residualToRankOne", "participationRatio"] as const;
export type SmoothingName = typeof SMOOTHING_NAMES[number];

/** The three measures; NaN where they are not defined (no token, or one token for the pairs). */
export type Smoothing = Readonly<Record<SmoothingName, number>>;

/** What they are made of, over the tokens of one sample. */
export interface SmoothingSums {
  /** Tokens that are not zero: T in the formulas. */
  readonly counted: number;
  /** Tokens left out. */
  readonly skipped: number;
  /** Σ û, [D] */
  readonly unitSum: Float64Array;
  /** Σ x, [D] */
  readonly sum: Float64Array;
  /** Σ |x|² */
  readonly squares: number;
  /** tr(G²) */
  readonly gramSquares: number;
}

export function smoothing({ counted, unitSum, sum, squares, gramSquares }: SmoothingSums): Smoothing {
  return {
    meanCosine: counted < 2 ? NaN : (squared(unitSum) - counted) / (counted * (counted - 1)),
    residualToRankOne: Math.sqrt(Math.max(0, 1 - squared(sum) / (counted * squares))),
    participationRatio: counted ** 2 / gramSquares,
  };
}

/** |v|² */
const squared = (vector: Float64Array): number => sum(vector, (value) => value * value);
