/** Means, errors and ranks against tables and worked examples. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  correlation,
  deviation,
  halfWidth95,
  mean,
  ranks,
  spearman,
  standardError,
  studentT95,
} from "../../src/measure/mod.ts";

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, expected ${expected}`);

/** Moderate numbers: their squares neither overflow nor vanish. */
const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });

Deno.test("mean, deviation, standard error, and half of an interval", () => {
  assert.equal(mean([1, 2, 6]), 3);
  near(deviation([2, 4, 4, 4, 5, 5, 7, 9])!, Math.sqrt(32 / 7));
  near(halfWidth95([1, 2, 3, 4])!, 3.182446305283708 * Math.sqrt(5 / 3 / 4)); // t of 3 degrees of freedom
  assert.deepEqual([deviation([3]), halfWidth95([3])], [null, null]);
  near(standardError([2, 4, 4, 4, 5, 5, 7, 9])!, Math.sqrt(32 / 7 / 8));
  assert.equal(standardError([3, 3, 3]), 0);
  assert.equal(standardError([3]), null);
  assert.equal(standardError([]), null);
});

Deno.test("Student's t: SciPy's quantiles from 2 to 1000 values, and the normal distribution's for many", async () => {
  const url = new URL("../fixtures/quantiles.json", import.meta.url);
  const expected: number[] = JSON.parse(await Deno.readTextFile(url));
  assert.equal(expected.length, 999);
  // Lanczos' logarithms of a gamma function are within 1e-15 of some thousands; measured: 2e-13.
  expected.forEach((quantile, i) => near(studentT95(i + 2), quantile, 1e-10));
  for (const n of [1, 0, NaN]) assert.ok(Number.isNaN(studentT95(n)));
  near(studentT95(1e6), 1.959966, 1e-6);
});

Deno.test("ranks: ties share their mean", () => {
  assert.deepEqual(ranks([30, 10, 20]), [3, 1, 2]);
  assert.deepEqual(ranks([1, 2, 2, 3]), [1, 2.5, 2.5, 4]);
  assert.deepEqual(ranks([]), []);
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (values) => {
    const n = values.length;
    assert.equal(ranks(values).reduce((sum, rank) => sum + rank, 0), n * (n + 1) / 2);
  }));
});

Deno.test("Spearman: worked examples", () => {
  // 1 − 6 Σd²/(n(n² − 1)) with d = 1, 1, 1, 1, 0.
  near(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]), 1 - 6 * 4 / (5 * 24));
  near(spearman([1, 2, 3], [10, 100, 1000]), 1);
  near(spearman([1, 2, 3], [9, 4, 1]), -1);
  near(spearman([1, 2, 2, 3], [1, 2, 2, 3]), 1);
  assert.ok(Number.isNaN(spearman([1, 1], [1, 2])));
});

Deno.test("Spearman sees the order alone, and both sides alike", () => {
  fc.assert(fc.property(fc.array(fc.tuple(number, number), { minLength: 3, maxLength: 30 }), (pairs) => {
    const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
    const value = spearman(a, b);
    fc.pre(!Number.isNaN(value));
    near(value, spearman(b, a));
    near(value, -spearman(a.map((x) => -x), b));
    near(value, spearman(ranks(a).map((rank) => rank ** 3), b));
    assert.ok(Math.abs(value) <= 1 + 1e-12);
  }));
});

Deno.test("Pearson's correlation of a line is its direction", () => {
  near(correlation([1, 2, 4], [3, 5, 9]), 1);
  near(correlation([1, 2, 4], [-1, -2, -4]), -1);
  near(correlation([1, 2, 3], [1, 0, 1]), 0);
});

Deno.test("NaN has no rank", () => {
  assert.throws(() => ranks([1, NaN, 2]), {
    name: "RangeError",
    message: /^Cannot rank values: found NaN, expected numbers/,
  });
  assert.throws(() => spearman([1, 2], [NaN, 1]), RangeError);
  assert.deepEqual(ranks([Infinity, -Infinity, 0]), [3, 1, 2]);
});
