import assert from "node:assert/strict";
import { drift, rankStability } from "../../src/measure/mod.ts";

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
