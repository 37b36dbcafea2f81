/** Chances of numbers of successes, and the incomplete beta function: SciPy's numbers (fixtures/make_binomial.py) and identities. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { binomialShare, binomialTail, incompleteBeta } from "core/measure/statistics/binomial.ts";
import known from "../../fixtures/binomial.json" with { type: "json" };

/** Both sides are float64: logarithms of some ten thousand lose five of sixteen digits, smaller ones fewer. */
const expectNear = (actual: number, expected: number, what: string, relative = 1e-11) =>
  assert.ok(
    Math.abs(actual - expected) <= relative * Math.abs(expected),
    `${what}: ${actual}, expected ${expected}`,
  );

Deno.test("shares and tails of binomial distributions are SciPy's", () => {
  assert.equal(known.binomial.length, 13);
  for (const { k, n, chance, share, tail } of known.binomial) {
    const [digits, what] = [n > 1000 ? 1e-10 : 1e-12, `${k} of ${n} at ${chance}`];
    expectNear(binomialShare(k, n, chance), share, what, digits);
    expectNear(binomialTail(k, n, chance), tail, what, digits);
  }
});

Deno.test("the incomplete beta function is SciPy's, on both sides of its mean", () => {
  assert.equal(known.beta.length, 56);
  for (const { x, a, b, value } of known.beta) {
    const found = incompleteBeta(x, a, b);
    // As binomial.ts promises; above the mean the other tail is subtracted from 1.
    assert.ok(
      Math.abs(found - value) <= 1e-11 * Math.max(1e-3, value),
      `I_${x}(${a}, ${b}): ${found}, expected ${value}`,
    );
  }
});

Deno.test("chances that are certain, or cannot be, are exactly 1 and 0", () => {
  assert.deepEqual([binomialTail(0, 5, 0), binomialTail(-1, 5, 0.5), binomialTail(5, 5, 1)], [1, 1, 1]);
  assert.deepEqual([binomialTail(6, 5, 0.5), binomialTail(6, 5, 1), binomialTail(1, 5, 0)], [0, 0, 0]);
  // Rounding may leave a chance just outside.
  assert.deepEqual([binomialTail(3, 5, 1 + Number.EPSILON), binomialTail(3, 5, -Number.EPSILON)], [1, 0]);
  assert.deepEqual([binomialShare(0, 5, 0), binomialShare(5, 5, 1), binomialShare(1, 5, 0)], [1, 1, 0]);
  assert.deepEqual([binomialShare(0, 1, 0.25), binomialShare(1, 1, 0.25)], [0.75, 0.25]);
});

Deno.test("tails fall by a share with each success, and all shares are 1", () => {
  const trial = fc.record({
    n: fc.integer({ min: 1, max: 60 }),
    chance: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
  });
  fc.assert(fc.property(trial, ({ n, chance }) => {
    const shares = Array.from({ length: n + 1 }, (_, k) => binomialShare(k, n, chance));
    let tail = 1;
    for (const [k, share] of shares.entries()) {
      assert.ok(Math.abs(binomialTail(k, n, chance) - tail) < 1e-12, `${k} of ${n} at ${chance}`);
      tail -= share;
    }
    assert.ok(Math.abs(tail) < 1e-12);
  }));
});
