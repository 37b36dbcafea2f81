/** The rule of drop orders, on made-up scores. */
import assert from "node:assert/strict";
import { inDropOrder, rankModules } from "../../src/measure/mod.ts";

Deno.test("the lowest score is dropped first, and of equal scores the deeper module", () => {
  const ranked = rankModules(["attention", "mlp"], (kind) => kind === "mlp" ? [2, null, 1] : [1, 3, 1]);
  assert.deepEqual(ranked.map(({ module, layer, score }) => `${module} ${layer}: ${score}`), [
    ...["attention 2: 1", "mlp 2: 1", "attention 0: 1", "mlp 0: 2", "attention 1: 3"],
  ]);
});

Deno.test("windows stand by size first; without scores, the deepest is dropped first", () => {
  const places = [[2, 0, 0], [1, 0, 5], [1, 3, 5], [2, 1, 0]]
    .map(([size, layer, score]) => ({ size, layer, score })).sort(inDropOrder);
  assert.deepEqual(places.map(({ size, layer }) => [size, layer]), [[1, 3], [1, 0], [2, 1], [2, 0]]);
  const unscored = [0, 2, 1].map((layer) => ({ layer, score: null })).sort(inDropOrder);
  assert.deepEqual(unscored.map(({ layer }) => layer), [2, 1, 0]);
});
