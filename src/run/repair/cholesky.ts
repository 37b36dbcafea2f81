/**
 * Solutions of X A = B for a symmetric, positive definite A: Cholesky's decomposition by blocks. Products of blocks are the engine's,
 * and blocks on the diagonal are decomposed here.
 */
import { addBlock, block, type Matrix, type Products } from "./product.ts";

/** Rows of a block: few calls for a thousand rows, and little time on the diagonal for ten thousand. */
const BLOCK = 256;

/** Solves X A = B for any number of B. */
type Solver = (b: Matrix) => Promise<Matrix>;

/** Rows of what is left of A that are updated at once: a half of a product with its own transpose need not be made. */
const BAND = 1024;

/** Decomposes A + λ I = L Lᵀ, [n, n]; null if it is not positive definite. */
export async function cholesky(a: Matrix, { multiply }: Products, λ = 0): Promise<Solver | null> {
  const n = a.rows;
  const left: Matrix = { ...a, data: a.data.slice() }; // becomes L below its diagonal blocks
  for (let i = 0; i < n; i++) left.data[i * (n + 1)] += λ;
  const spans = Array.from(
    { length: Math.ceil(n / BLOCK) },
    (_, i) => [i * BLOCK, Math.min(n, (i + 1) * BLOCK)] as const,
  );
  const inverses: Matrix[] = []; // of the diagonal blocks of L
  for (const [from, to] of spans) {
    const inverse = inverseFactor(block(left, [from, to], [from, to]));
    if (!inverse) return null;
    inverses.push(inverse);
    if (to === n) break;
    const below = await multiply(block(left, [to, n], [from, to]), inverse, true);
    for (let row = 0; row < below.rows; row++) {
      const own = below.data.subarray(row * below.columns, (row + 1) * below.columns);
      left.data.set(own, (to + row) * n + from);
    }
    for (let top = 0; top < below.rows; top += BAND) {
      const columns = [0, below.columns] as const;
      const band = block(below, [top, Math.min(below.rows, top + BAND)], columns);
      const rest = block(below, [top, below.rows], columns);
      addBlock(left, await multiply(rest, band, true), to + top, to + top, -1);
    }
  }

  return async (b) => {
    const x: Matrix = { ...b, data: b.data.slice() };
    const rows = [0, b.rows] as const;
    /** Replaces columns [from, to) of x by what `other` says, and takes their share off columns [start, end). */
    async function step(
      [from, to]: readonly [number, number],
      solved: Matrix,
      start: number,
      end: number,
      forward: boolean,
    ) {
      for (let row = 0; row < b.rows; row++) {
        x.data.set(solved.data.subarray(row * solved.columns, (row + 1) * solved.columns), row * n + from);
      }
      if (start === end) return;
      const factor = forward ? block(left, [start, end], [from, to]) : block(left, [from, to], [start, end]);
      addBlock(x, await multiply(solved, factor, forward), 0, start, -1);
    }
    for (const [i, span] of spans.entries()) {
      await step(span, await multiply(block(x, rows, span), inverses[i], true), span[1], n, true);
    }
    for (const [i, span] of [...spans.entries()].reverse()) {
      await step(span, await multiply(block(x, rows, span), inverses[i]), 0, span[0], false);
    }
    return x;
  };
}

/** L⁻¹ of a small A = L Lᵀ, lower triangular, from the lower triangle of A; null if A is not positive definite. */
function inverseFactor({ rows: n, data }: Matrix): Matrix | null {
  const factor = data.slice();
  const inverse = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    const own = factor.subarray(row * n, row * n + row + 1);
    for (let column = 0; column <= row; column++) {
      const other = factor.subarray(column * n, column * n + column + 1);
      let sum = own[column];
      for (let k = 0; k < column; k++) sum -= own[k] * other[k];
      if (column < row) own[column] = sum / other[column];
      else if (sum > 0 && sum < Infinity) own[row] = Math.sqrt(sum);
      else return null; // NaN too
    }
    const found = inverse.subarray(row * n, row * n + row + 1);
    found[row] = 1;
    for (let k = 0; k < row; k++) {
      for (let i = 0; i <= k; i++) found[i] -= own[k] * inverse[k * n + i];
    }
    for (let i = 0; i <= row; i++) found[i] /= own[row];
  }
  return { rows: n, columns: n, data: inverse };
}
