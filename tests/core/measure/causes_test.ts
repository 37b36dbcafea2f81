/** Massive activations, effective rank, sinks, drifts, routers, and how sure a rank correlation is. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  drift,
  effectiveRank,
  massiveActivations,
  rankInterval,
  rankStability,
  sinkRate,
  sumRouting,
} from "core/measure/mod.ts";

const anyStates = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 12, maxLength: 60 })
  .map((values) => Float32Array.from(values.slice(0, values.length - values.length % 4)));

Deno.test("massive activations are those that the definition names, for any states", () => {
  const spikes = fc.array(fc.tuple(fc.nat(59), fc.double({ min: -5000, max: 5000, noNaN: true })), {
    maxLength: 5,
  });
  fc.assert(fc.property(anyStates, spikes, (states, spikes) => {
    for (const [i, value] of spikes) if (i < states.length) states[i] = value;
    const sizes = [...states].map(Math.abs);
    const median = sizes.toSorted((a, b) => a - b)[(sizes.length - 1) >> 1];
    const expected = sizes.flatMap((size, i) =>
      size > 100 && size >= 1000 * median
        ? [{ position: Math.floor(i / 4), dimension: i % 4, value: states[i] }]
        : []
    );
    assert.deepEqual(massiveActivations(states, 4), expected);
  }));
});

Deno.test("a large value in a large state is not massive, and a thousandfold one below 100 is not either", () => {
  assert.deepEqual(massiveActivations(Float32Array.of(200, 1, 1, 1), 2), []);
  assert.deepEqual(massiveActivations(Float32Array.of(99, 0.01, 0.01, 0.01), 2), []);
  assert.deepEqual(massiveActivations(Float32Array.of(0.01, -200, 0.01, 0.01), 2), [
    { position: 0, dimension: 1, value: -200 },
  ]);
});

Deno.test("effective rank: 1 for equal tokens, T for orthogonal ones, and of known singular values", () => {
  const identity = (n: number) => Float32Array.from({ length: n * n }, (_, i) => i % (n + 1) === 0 ? 3 : 0);
  assert.ok(Math.abs(effectiveRank(identity(6), 6)! - 6) < 1e-12);
  assert.ok(Math.abs(effectiveRank(Float32Array.from({ length: 12 }, (_, i) => i % 3 + 1), 3)! - 1) < 1e-6);
  // Three times e₁ and once e₂: singular values √3 and 1; the zero token is left out.
  const p = [Math.sqrt(3), 1].map((value) => value / (1 + Math.sqrt(3)));
  const expected = Math.exp(-p.reduce((sum, share) => sum + share * Math.log(share), 0));
  for (const width of [2, 7]) {
    const states = new Float32Array(5 * width);
    [0, 0, 0, 1].forEach((d, t) => states[t * width + d] = 2 + t);
    assert.ok(Math.abs(effectiveRank(states, width)! - expected) < 1e-12);
  }
  assert.equal(effectiveRank(new Float32Array(8), 2), null);
  assert.equal(effectiveRank(new Float32Array(1025 * 1025).fill(1), 1025), null);
});

Deno.test("a rank interval holds the correlation, narrows with n, and mirrors", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -0.99, max: 0.99, noNaN: true }),
      fc.integer({ min: 4, max: 100 }),
      (r, n) => {
        const [low, high] = rankInterval(r, n)!;
        assert.ok(-1 <= low && low < r && r < high && high <= 1);
        const [closerLow, closerHigh] = rankInterval(r, n + 1)!;
        assert.ok(closerLow > low && closerHigh < high);
        assert.ok(Math.abs(rankInterval(-r, n)![1] + low) < 1e-12);
      },
    ),
  );
  // Bonett & Wright's formula by hand: r 0.5, n 30: z 0.5493, error √(1.125/27) = 0.2041.
  const [low, high] = rankInterval(0.5, 30)!;
  assert.ok(Math.abs(low - Math.tanh(0.5493 - 1.96 * 0.2041)) < 1e-3);
  assert.ok(Math.abs(high - Math.tanh(0.5493 + 1.96 * 0.2041)) < 1e-3);
  assert.deepEqual([rankInterval(0.5, 3), rankInterval(1, 30), rankInterval(NaN, 30)], [null, null, null]);
});

Deno.test("states that are not finite have no effective rank", () => {
  for (const value of [NaN, Infinity]) {
    const rank = () => effectiveRank(Float32Array.of(1, 2, value, 4), 2);
    assert.throws(rank, /^RangeError: Cannot compute the effective rank: found a non-finite state/);
  }
});

Deno.test("sinkRate is the share of heads whose mean first share is above ε", () => {
  assert.equal(sinkRate([0.1, 0.3, 0.31, 0.9]), 0.5);
  assert.equal(sinkRate([0.1, 0.3, 0.31, 0.9], 0.8), 0.25);
  assert.throws(() => sinkRate([]), { name: "RangeError", message: /no heads/ });
});

Deno.test("drift is the mean absolute change of the layers that both have", () => {
  assert.equal(drift([1, 2, 3], [2, 2, 1]), 1);
  assert.equal(drift([1, null, 3], [5, 2, null]), 4);
  assert.equal(drift([1, 2, 3], [1, 2, 3]), 0);
  assert.equal(drift([null], [1]), null);
  assert.equal(drift([], []), null);
});

Deno.test("rank stability is Spearman's, and silent where ranks say nothing", () => {
  assert.equal(rankStability([1, 2, 3], [10, 20, 300]), 1);
  assert.equal(rankStability([1, 2, 3], [3, 2, 1]), -1);
  assert.equal(rankStability([1, 2, null, 3], [1, 4, 9, 2]), 0.5);
  assert.equal(rankStability([1, 2], [1, 2]), null);
  assert.equal(rankStability([1, 1, 1], [1, 2, 3]), null);
});

Deno.test("even logits have the entropy ln X, one that is far above the others has 0; loads are counts", () => {
  const choices = BigInt64Array.of(0n, 2n, 0n, 1n);
  const { load, entropy, tokens } = sumRouting(Float32Array.of(5, 5, 5, 100, 0, 0), choices, 3);
  assert.deepEqual(load, [2, 1, 1]);
  assert.equal(tokens, 2);
  assert.ok(Math.abs(entropy - Math.log(3)) < 1e-12);
  const uneven = sumRouting(Float32Array.of(Math.log(0.1), Math.log(0.9)), BigInt64Array.of(1n), 2).entropy;
  assert.ok(Math.abs(uneven + 0.1 * Math.log(0.1) + 0.9 * Math.log(0.9)) < 1e-7);
});
