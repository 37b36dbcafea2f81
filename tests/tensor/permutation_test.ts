/** Random orders: a function of the seed, and of all of it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { permutation, philox } from "../../src/tensor/mod.ts";

Deno.test("Fisher–Yates over Philox words by the number of the swap", () => {
  // Worked through for n = 3: swap 2 with a place up to 2, then swap 1 with a place up to 1.
  for (const seed of [0, 1, 7, 2 ** 32 + 7]) {
    const word = (i: number) =>
      philox([i, 0, 0, 1], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)])[0] / 2 ** 32;
    const order = [0, 1, 2];
    const [j, k] = [Math.floor(3 * word(2)), Math.floor(2 * word(1))];
    [order[2], order[j]] = [order[j], order[2]];
    [order[1], order[k]] = [order[k], order[1]];
    assert.deepEqual(permutation(3, seed), order);
  }
});

Deno.test("every number once; another seed gives another order, above 2^32 too", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 60 }), fc.maxSafeNat(), (n, seed) => {
    const order = permutation(n, seed);
    assert.deepEqual(order, permutation(n, seed));
    assert.deepEqual(order.toSorted((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
  }));
  const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 52];
  assert.equal(new Set(seeds.map((seed) => permutation(60, seed).join())).size, seeds.length);
});

Deno.test("a seed that is not a whole number below 2^53 is refused", () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => permutation(3, seed), {
      name: "RangeError",
      message: `Cannot draw random numbers: seed is ${seed}, expected a whole number from 0 to ${
        2 ** 53 - 1
      }`,
    });
  }
});
