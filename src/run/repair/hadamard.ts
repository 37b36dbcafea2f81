/**
 * Hadamard matrices: entries ±1, rows orthogonal. Sylvester's doublings of a matrix by Paley, whose entries say which numbers are
 * squares modulo a prime q: of order q + 1 for q ≡ 3 (mod 4), and of order 2 (q + 1) for q ≡ 1 (mod 4).
 */
import type { Matrix } from "./product.ts";

type Signs = readonly (readonly number[])[];

/**
 * A Hadamard matrix over the square root of its order, so that H Hᵀ = I: the smallest of Paley's that doublings bring to the order, and
 * Sylvester's for a power of two. Throws `RangeError` for an order that cannot be made so, such as 92.
 */
export function hadamard(order: number): Matrix {
  const seed = seedOf(order);
  if (!seed) {
    throw new RangeError(
      `Cannot make a Hadamard matrix of order ${order}, expected a power of two, or one times an order by Paley (12, 20, 28, …)`,
    );
  }
  const [size, data, length] = [seed.length, new Float64Array(order * order), Math.sqrt(order)];
  for (let row = 0; row < order; row++) {
    for (let column = 0; column < order; column++) {
      const doubled = isOdd(Math.floor(row / size) & Math.floor(column / size)) ? -1 : 1;
      data[row * order + column] = doubled * seed[row % size][column % size] / length;
    }
  }
  return { rows: order, columns: order, data };
}

export function hasHadamard(order: number): boolean {
  return seedOf(order) !== null;
}

/** The smallest matrix that doublings bring to an order. */
function seedOf(order: number): Signs | null {
  if (!Number.isInteger(order) || order < 1) return null;
  let size = order;
  while (size % 2 === 0) size /= 2;
  for (; size <= order; size *= 2) {
    const found = size === 1 ? [[1]] : paley(size);
    if (found) return found;
  }
  return null;
}

/** Paley's matrix of this order, or null if no prime makes one. */
function paley(order: number): Signs | null {
  const [one, two] = [order - 1, order / 2 - 1];
  if (one % 4 === 3 && isPrime(one)) {
    const q = residues(one, -1);
    return q.map((row, i) => row.map((sign, j) => i === j ? sign + 1 : sign));
  }
  if (two % 4 !== 1 || !isPrime(two)) return null;
  const q = residues(two, 1); // symmetric with zeros on its diagonal: blocks of 2 × 2 are in the place of its entries
  return Array.from({ length: order }, (_, row) =>
    Array.from({ length: order }, (_, column) => {
      const sign = q[row >> 1][column >> 1];
      const [odd, other] = [row & 1, column & 1];
      if (sign === 0) return odd === 0 && other === 0 ? 1 : -1;
      return odd === 1 && other === 1 ? -sign : sign;
    }));
}

/** [[0, 1], [±1, Q]] of order q + 1 with Q_ij = 1 if i − j is a square modulo q, else −1, and 0 on the diagonal. */
function residues(q: number, below: 1 | -1): number[][] {
  const squares = new Set(Array.from({ length: q - 1 }, (_, i) => (i + 1) * (i + 1) % q));
  return Array.from({ length: q + 1 }, (_, i) =>
    Array.from({ length: q + 1 }, (_, j) => {
      if (i === j) return 0;
      if (i === 0) return 1;
      if (j === 0) return below;
      return squares.has((i - j + q) % q) ? 1 : -1;
    }));
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let factor = 2; factor * factor <= n; factor++) if (n % factor === 0) return false;
  return true;
}

function isOdd(bits: number): boolean {
  let odd = false;
  for (let rest = bits; rest > 0; rest &= rest - 1) odd = !odd;
  return odd;
}
