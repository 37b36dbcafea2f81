/** Medians and quartiles by hand. */
import assert from "node:assert/strict";
import { quartiles } from "../../src/measure/mod.ts";

Deno.test("the middle, and the middle half", () => {
  assert.deepEqual(quartiles([5, 1, 2, 4, 3]), { median: 3, low: 2, high: 4 });
  assert.deepEqual(quartiles([4, 1, 2, 3]), { median: 2.5, low: 1.75, high: 3.25 });
  assert.deepEqual(quartiles([7]), { median: 7, low: 7, high: 7 });
  assert.throws(() => quartiles([]), {
    name: "RangeError",
    message: "Cannot compute a median: found no numbers, expected at least one",
  });
});
