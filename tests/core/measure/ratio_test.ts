/** Ratios of sums over samples, and their intervals. */
import assert from "node:assert/strict";
import { meanPart, ratio95 } from "core/measure/mod.ts";

Deno.test("a ratio has an interval over samples that contains it", () => {
  const even = [1, 2, 3, 4, 5, 6, 7, 8].map((over) => ({ over, under: 1 }));
  const { value, low, high } = ratio95(even)!;
  assert.equal(value, 4.5);
  // The mean of 8 draws of 1 … 8 has a standard error of 0.81.
  assert.ok(low! > 2.5 && low! < 3.3 && high! > 5.7 && high! < 6.5, `${low} ${high}`);
  assert.deepEqual(ratio95(even), ratio95(even));
});

Deno.test("one sample has no interval, and nothing has no ratio", () => {
  assert.deepEqual(ratio95([{ over: 1, under: 2 }]), { value: 0.5, low: null, high: null });
  assert.equal(ratio95([]), null);
  assert.equal(ratio95([{ over: 0, under: 0 }, meanPart([null])]), null);
});
