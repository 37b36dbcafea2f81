/**
 * Effective rank (Roy & Vetterli 2007): exp(−Σ p ln p), p the singular values of the unit tokens X̂ divided by their sum.
 * T equal tokens give 1, T orthogonal ones T.
 *
 * The singular values are roots of the eigenvalues of the smaller of X̂X̂ᵀ and X̂ᵀX̂, made in float64, as the root doubles
 * the number of digits that are lost. The decomposition takes O(n³), seconds from n = 1024 on: that is the limit.
 */
import { sum } from "../../entry/mod.ts";
import * as Algebra from "ml-matrix";

/** The largest side of a Gram matrix that is decomposed. */
const EFFECTIVE_RANK_SIDE = 1024;

/**
 * The effective rank of states [T, D]; a token that is zero is left out. Null if min(T, D) is above the limit. Throws
 * `RangeError` for states that are not finite, whose decomposition would never end.
 */
export function effectiveRank(states: Float32Array, width: number): number | null {
  const units: number[][] = [];
  for (let start = 0; start < states.length; start += width) {
    const token = Array.from(states.subarray(start, start + width));
    const size = Math.hypot(...token);
    if (!Number.isFinite(size)) {
      throw new RangeError(
        "Cannot compute the effective rank: found a non-finite state, expected finite ones",
      );
    }
    if (size > 0) units.push(token.map((value) => value / size));
  }
  if (units.length === 0 || Math.min(units.length, width) > EFFECTIVE_RANK_SIDE) return null;
  const matrix = new Algebra.Matrix(units);
  const turned = matrix.transpose();
  const gram = units.length <= width ? matrix.mmul(turned) : turned.mmul(matrix);
  const { realEigenvalues } = new Algebra.EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const singular = realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)));
  const total = sum(singular);
  const shares = singular.map((value) => value / total).filter((share) => share > 0);
  return Math.exp(-sum(shares, (share) => share * Math.log(share)));
}
