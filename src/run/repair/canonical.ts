/** How much of a stream a linear map of another can never give, from their second moments. */
import { cholesky } from "./cholesky.ts";
import { covariance, type Moments } from "./moments.ts";
import { type Matrix, matrix, type Products } from "./product.ts";

/** The share by which variances are raised: enough for sums with a channel that never moves, far below a correlation's digits. */
const RAISED = 1e-9;

/**
 * Σ (1 − ρ²) over the D canonical correlations ρ of streams x and y, from 0 (y is a linear function of x) to D (no part of y is), NBL's
 * bound on the error of a linear map (arXiv 2505.21077). Needs the moments `xy` of inputs x and targets y [D], and `yy` of
 * inputs y, over the same tokens. It is D − ‖L_Y⁻¹ C_YX L_X⁻ᵀ‖², with C = L Lᵀ, or D − tr(C_YX C_XX⁻¹ C_XY C_YY⁻¹). Throws `RangeError`
 * for streams of different sizes, and where a covariance is singular, as that of too few tokens is.
 */
export async function canonicalBound(
  xy: Moments,
  yy: Moments,
  products: Products,
  raised = RAISED,
): Promise<number> {
  const { inputs: D, targets, tokens } = xy;
  if (targets !== D || yy.inputs !== D) {
    throw new RangeError(
      `Cannot correlate streams: found ${D} numbers and ${targets} (${yy.inputs}), expected equal sizes`,
    );
  }
  const [{ uu: xx, tu: yx }, own] = [covariance(xy, true), covariance(yy, true)];
  const byX = await solvedBy(xx, matrix(D, D, yx));
  const byY = byX && await solvedBy(own.uu, transposed(matrix(D, D, yx)));
  if (!byX || !byY) {
    throw new RangeError(
      `Cannot correlate streams of ${D} numbers over ${tokens} tokens: they are singular, expected about ${
        10 * D
      } tokens`,
    );
  }
  let explained = 0;
  for (let y = 0; y < D; y++) {
    for (let x = 0; x < D; x++) explained += byX.data[y * D + x] * byY.data[x * D + y];
  }
  return Math.min(D, Math.max(0, D - explained));

  /** B A⁻¹, or null for an A that is singular. */
  async function solvedBy(a: Float64Array, b: Matrix): Promise<Matrix | null> {
    for (let i = 0; i < D; i++) a[i * (D + 1)] *= 1 + raised;
    const solve = await cholesky(matrix(D, D, a), products);
    return solve && await solve(b);
  }
}

function transposed({ rows: n, data }: Matrix): Matrix {
  return matrix(n, n, data.map((_, i) => data[(i % n) * n + Math.floor(i / n)]));
}
