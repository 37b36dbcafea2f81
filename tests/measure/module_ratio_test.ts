/** Which module turns the stream further, as a number and as a line on a map. */
import assert from "node:assert/strict";
import { crossing, moduleRatio, typical } from "../../src/measure/mod.ts";

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-12, `${actual}, expected ${expected}`);

Deno.test("the typical importance is the geometric mean from layer 2 on; layers without a module do not count", () => {
  close(typical([0.9, 0.9, 0.1, 0.4]), 0.2);
  close(typical([0.9, 0.9, 0.1, null, 0.4]), 0.2);
  assert.ok(Number.isNaN(typical([0.9, 0.9])));
  close(moduleRatio({ attention: [1, 1, 0.1, 0.4], mlp: [9, 9, 0.5, null] }), 0.4);
});

Deno.test("the line on which both are alike: between two deviations, at none where one side always wins", () => {
  // ratio = (1 / (σ √D))²: alike at σ = 1/√D.
  const column = (hidden: number, stds: number[]) =>
    stds.map((std) => ({ hidden, std, ratio: 1 / (std ** 2 * hidden) }));
  const found = crossing([
    ...column(100, [0.2, 0.05]),
    ...column(25, [0.1, 0.2, 0.4]),
    ...column(4, [0.1, 0.2]),
  ]);
  assert.deepEqual(found.map(({ hidden }) => hidden), [25, 100]);
  close(found[0].std, 0.2);
  close(found[1].std, 0.1);
});
