/** Solutions by blocks beside ml-matrix's, and sums over tokens. */
import assert from "node:assert/strict";
import { CholeskyDecomposition, Matrix as Dense } from "ml-matrix";
import { cholesky, covariance, type Matrix, merged, noMoments, type Products } from "core/run/repair/mod.ts";
import { distance, largest } from "../../../model.ts";
import { drawn, gaussian, momentsFrom, product, rows, withProducts } from "./sums.ts";

/** G Gᵀ / n + I / 10: condition about 40. */
async function definite(n: number, { multiply }: Products): Promise<Matrix> {
  const root = drawn(gaussian(n), n, n);
  const { data, ...shape } = await multiply(root, root, true);
  return { ...shape, data: data.map((value, i) => value / n + Number(i % (n + 1) === 0) / 10) };
}

Deno.test("X A = B is solved for any size of A and any number of rows", () =>
  withProducts(async (products) => {
    for (const n of [1, 2, 255, 256, 257, 520]) {
      const a = await definite(n, products);
      const kept = a.data.slice();
      const solve = (await cholesky(a, products))!;
      assert.deepEqual(a.data, kept);
      for (const rows of [1, 3, 40]) {
        const b = drawn(gaussian(rows), rows, n);
        const { data } = await solve(b);
        const back = await products.multiply({ ...b, data }, a);
        // float64's last digit times the condition and the root of the terms of a sum.
        assert.ok(distance(back.data, b.data) < 1e-12 * n * largest(b.data), `${n} × ${rows}`);
        if (rows !== 3) continue;
        const turned = Dense.from1DArray(rows, n, b.data).transpose();
        const expected = new CholeskyDecomposition(symmetric(a)).solve(turned).transpose().to1DArray();
        assert.ok(distance(data, expected) < 1e-11 * largest(expected), `${n}`);
      }
    }
  }));

function symmetric({ rows: n, data }: Matrix): Dense {
  const dense = Dense.from1DArray(n, n, data);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) dense.set(j, i, dense.get(i, j));
  return dense;
}

Deno.test("a matrix that is not positive definite has no decomposition, wherever it fails", () =>
  withProducts(async (products) => {
    for (const [n, at] of [[1, 0], [3, 2], [256, 255], [520, 300], [520, 519]]) {
      const a = await definite(n, products);
      for (const value of [-1, 0, NaN]) {
        assert.equal(await cholesky({ ...a, data: a.data.with(at * (n + 1), value) }, products), null);
      }
    }
    const thin = drawn(gaussian(5), 4, 2); // rank 2
    const turned = new Float64Array(8).map((_, i) => thin.data[i % 4 * 2 + (i >> 2)]);
    const gram = product(thin, { rows: 2, columns: 4, data: turned });
    gram.data.forEach((value, i) => gram.data[i] = value - Number(i % 5 === 0) * 1e-12);
    assert.equal(await cholesky(gram, products), null);
  }));

const draw = gaussian(1);
const [inputs, targets] = [rows(draw, 30, 4), rows(draw, 30, 3)];
const weights = inputs.map((_, i) => 0.5 + i % 3);

Deno.test("moments of parts are merged to those of the whole, in any order", () => {
  const part = (from: number, to: number) =>
    momentsFrom(inputs.slice(from, to), targets.slice(from, to), weights.slice(from, to));
  const [a, b, c] = [part(0, 7), part(7, 8), part(8, 30)];
  const whole = momentsFrom(inputs, targets, weights);
  for (const sum of [merged(merged(a, b), c), merged(c, merged(b, a)), merged(whole, noMoments(4, 3))]) {
    assert.equal(sum.tokens, 30);
    // Sums of 30 numbers up to 30 in another order: float64's last digits.
    assert.ok(Math.abs(sum.weight - whole.weight) < 1e-12 && Math.abs(sum.tt - whole.tt) < 1e-12);
    for (const name of ["u", "t", "uu", "tu"] as const) assert.ok(distance(sum[name], whole[name]) < 1e-12);
  }
  assert.equal(a.tokens, 7); // merging leaves the parts as they are
});

Deno.test("covariances are about weighted means, or mean products", () => {
  const moments = momentsFrom(inputs, targets, weights);
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value, n) => sum + weights[n] * value, 0) / total;
  const column = (of: readonly (readonly number[])[], i: number) => of.map((row) => row[i]);
  for (const centred of [false, true]) {
    const { uu, tu, tt } = covariance(moments, centred);
    const product = (a: readonly number[], b: readonly number[]) =>
      mean(a.map((value, n) => value * b[n])) - (centred ? mean(a) * mean(b) : 0);
    assert.ok(Math.abs(uu[4 + 2] - product(column(inputs, 1), column(inputs, 2))) < 1e-12);
    assert.ok(Math.abs(tu[2 * 4 + 3] - product(column(targets, 2), column(inputs, 3))) < 1e-12);
    const square = [0, 1, 2].reduce((sum, i) => sum + product(column(targets, i), column(targets, i)), 0);
    assert.ok(Math.abs(tt - square) < 1e-12);
  }
});
