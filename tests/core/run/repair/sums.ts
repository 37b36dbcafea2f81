/** Second moments and products by plain loops, in float64. */
import assert from "node:assert/strict";
import { type Matrix, type Moments, noMoments, openProducts, type Products } from "core/run/repair/mod.ts";
import { engine } from "../../../support.ts";

/** Moments of inputs and targets, a row for each token. */
export function momentsFrom(
  inputs: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
  weights: readonly number[] = inputs.map(() => 1),
): Moments {
  const sums = noMoments(inputs[0]?.length ?? 0, targets[0].length);
  inputs.forEach((u, n) => {
    const [t, w] = [targets[n], weights[n]];
    sums.tokens++;
    sums.weight += w;
    u.forEach((value, i) => {
      sums.u[i] += w * value;
      u.forEach((other, j) => sums.uu[i * u.length + j] += w * value * other);
    });
    t.forEach((value, i) => {
      sums.t[i] += w * value;
      sums.tt += w * value * value;
      u.forEach((other, j) => sums.tu[i * u.length + j] += w * value * other);
    });
  });
  return sums;
}

/** a · b. */
export function product(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const value = a.data[i * a.columns + k];
      for (let j = 0; j < b.columns; j++) data[i * b.columns + j] += value * b.data[k * b.columns + j];
    }
  }
  return { rows: a.rows, columns: b.columns, data };
}

/** Opens products while `use` runs, after which nothing is held. */
export async function withProducts(use: (products: Products) => Promise<void>): Promise<void> {
  const before = engine.live;
  const products = await openProducts(engine);
  await use(products).finally(products.release);
  assert.equal(engine.live, before);
}

/** Normal numbers, the same for the same seed. */
export function gaussian(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Rows of drawn numbers. */
export function rows(draw: () => number, count: number, length: number): number[][] {
  return Array.from({ length: count }, () => Array.from({ length }, draw));
}

/** A matrix of drawn numbers. */
export function drawn(draw: () => number, rows: number, columns: number): Matrix {
  return { rows, columns, data: Float64Array.from({ length: rows * columns }, draw) };
}
