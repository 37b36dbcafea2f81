/** Solutions by blocks of matrices with one block, a block's edge, and several, beside ml-matrix's. */
import assert from "node:assert/strict";
import { CholeskyDecomposition, Matrix as Dense } from "ml-matrix";
import { type Matrix, openProducts, type Products } from "../../../src/run/mod.ts";
import { cholesky } from "../../../src/run/repair/product.ts";
import { distance, engine, largest } from "../../support.ts";
import { drawn, gaussian, product } from "./sums.ts";

async function withProducts(use: (products: Products) => Promise<void>): Promise<void> {
  const before = engine.live;
  const products = await openProducts(engine);
  try {
    await use(products);
    assert.equal(engine.live, before);
  } finally {
    await products.release();
  }
}

/** G Gᵀ / n + I / 10: condition about 40. */
async function definite(n: number, { multiply }: Products): Promise<Matrix> {
  const root = drawn(gaussian(n), n, n);
  const { data, ...shape } = await multiply(root, root, true);
  return { ...shape, data: data.map((value, i) => value / n + Number(i % (n + 1) === 0) / 10) };
}

Deno.test("X A = B is solved for any size of A and any number of rows", () =>
  withProducts(async (products) => {
    for (const n of [1, 2, 255, 256, 257, 700]) {
      const a = await definite(n, products);
      const kept = a.data.slice();
      const solve = (await cholesky(a, products))!;
      assert.deepEqual(a.data, kept);
      for (const rows of [1, 3, 300]) {
        const b = drawn(gaussian(rows), rows, n);
        const { data } = await solve(b);
        const back = await products.multiply({ ...b, data }, a);
        // float64's last digit times the condition and the root of the terms of a sum.
        assert.ok(distance(back.data, b.data) < 1e-12 * n * largest(b.data), `${n} × ${rows}`);
        if (rows !== 3) continue;
        const plain = new CholeskyDecomposition(symmetric(a)).solve(
          Dense.from1DArray(rows, n, b.data).transpose(),
        );
        const expected = plain.transpose().to1DArray();
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
    for (const [n, at] of [[1, 0], [3, 2], [256, 255], [600, 300], [600, 599]]) {
      const a = await definite(n, products);
      for (const value of [-1, 0, NaN]) {
        assert.equal(await cholesky({ ...a, data: a.data.with(at * (n + 1), value) }, products), null);
      }
    }
    const thin = drawn(gaussian(5), 4, 2); // rank 2
    const gram = product(thin, {
      rows: 2,
      columns: 4,
      data: new Float64Array(8).map((_, i) => thin.data[i % 4 * 2 + (i >> 2)]),
    });
    gram.data.forEach((value, i) => gram.data[i] = value - Number(i % 5 === 0) * 1e-12);
    assert.equal(await cholesky(gram, products), null);
  }));
