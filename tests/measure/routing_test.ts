/** Sums of what a router does. */
import assert from "node:assert/strict";
import { sumRouting } from "../../src/measure/mod.ts";

Deno.test("even logits have the entropy ln X, one that is far above the others has 0; loads are counts", () => {
  const { load, entropy, tokens } = sumRouting(
    Float32Array.of(5, 5, 5, 100, 0, 0),
    BigInt64Array.of(0n, 2n, 0n, 1n),
    3,
  );
  assert.deepEqual(load, [2, 1, 1]);
  assert.equal(tokens, 2);
  assert.ok(Math.abs(entropy - Math.log(3)) < 1e-12);
});

Deno.test("a tenth and nine tenths", () => {
  const { entropy } = sumRouting(Float32Array.of(Math.log(0.1), Math.log(0.9)), BigInt64Array.of(1n), 2);
  assert.ok(Math.abs(entropy + 0.1 * Math.log(0.1) + 0.9 * Math.log(0.9)) < 1e-7);
});
