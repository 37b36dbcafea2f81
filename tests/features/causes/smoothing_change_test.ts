/** How a drop changes the mean cosine after the last layer: paired by sample, so that samples that differ among themselves hide nothing. */
import assert from "node:assert/strict";
import { eachOf } from "core/entry/mod.ts";
import { SMOOTHING_NAMES } from "core/measure/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { smoothedOf } from "features/causes/means.ts";

const measures = (value: number) => eachOf(SMOOTHING_NAMES, () => value);
/** A sample whose stream leaves the last layer with each of the cosines, by plan; attention alone, where the MLP is dropped. */
const sample = (full: number, dropped: number) => ({
  embedding: measures(0.1),
  plans: [[{ attention: measures(0.9), mlp: measures(full) }], [{ attention: measures(dropped), mlp: null }]],
});

Deno.test("a change that every sample shows is told although samples differ by more", () => {
  const samples = [sample(0.2, 0.21), sample(0.5, 0.512), sample(0.8, 0.808)];
  const { change } = smoothedOf({ ...noDrop, mlp: [0] }, 1, samples);
  assert.ok(Math.abs(change!.value - 0.01) < 1e-12);
  // Student's t for three samples is 4.3027; the differences 0.01, 0.012 and 0.008 have the deviation 0.002.
  const half = 4.302653 * 0.002 / Math.sqrt(3);
  assert.ok(Math.abs(change!.low! - (0.01 - half)) < 1e-8);
  assert.ok(Math.abs(change!.high! - (0.01 + half)) < 1e-8);
  assert.deepEqual(smoothedOf(noDrop, 0, samples).change, { value: 0, low: 0, high: 0 });
  assert.equal(smoothedOf({ ...noDrop, mlp: [0] }, 1, samples.slice(0, 1)).change!.low, null);
});
