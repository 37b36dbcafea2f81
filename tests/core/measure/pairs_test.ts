/** Two lists side by side, bins of confidence, and means of what is there: by hand, and against SciPy. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  calibrationError,
  drift,
  overlapOf,
  predictionSetSize,
  rankAgreement,
  rankStability,
} from "core/measure/mod.ts";
import { pairsOf, rankCorrelation } from "core/measure/statistics/pairs.ts";
import {
  correlation,
  largestAt,
  mean,
  meanIn,
  median,
  quantile,
} from "core/measure/statistics/statistics.ts";

const expectNear = (actual: number | null, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual! - expected) <= tolerance, `${actual}, expected ${expected}`);

Deno.test("pairs are the layers that both lists have, zeros among them", () => {
  assert.deepEqual(pairsOf([1, null, 0, 4], [5, 6, 0]), [[1, 5], [0, 0]]);
  assert.deepEqual(pairsOf([1], [5, 6]), [[1, 5]]);
  assert.deepEqual(pairsOf([null], [5]), []);
});

Deno.test("the agreement of two lists is Spearman's correlation over their common layers, with its interval", () => {
  const [a, b] = [[3, 1, null, 4, 1, 5, 9, 2], [2, 7, 1, 8, 2, 8, 10]];
  // scipy.stats.spearmanr([3, 1, 4, 1, 5, 9], [2, 7, 8, 2, 8, 10]); the interval of Bonett and Wright by hand.
  const rank = 0.8508410434878082;
  const half = 1.95996 * Math.sqrt((1 + rank ** 2 / 2) / 3);
  const found = rankAgreement(a, b);
  assert.equal(found.count, 6);
  expectNear(found.rank, rank);
  expectNear(found.low, Math.tanh(Math.atanh(rank) - half));
  expectNear(found.high, Math.tanh(Math.atanh(rank) + half));
  assert.deepEqual(rankAgreement([1, 1, 1, 1], [1, 2, 3, 4]), {
    rank: null,
    low: null,
    high: null,
    count: 4,
  });
  assert.deepEqual(rankAgreement([1, 2, 3], [1, 3, 2]), { rank: 0.5, low: null, high: null, count: 3 });
  assert.equal(rankCorrelation([[1, 2], [1, 3]]), null);
});

Deno.test("a ranking is stable only over three layers or more", () => {
  assert.equal(rankStability([1, 2], [1, 2]), null);
  assert.equal(rankStability([1, 2, null], [1, 2, 3]), null);
  assert.equal(rankStability([1, 2, 3], [3, 2, 1]), -1);
  assert.equal(rankStability([1, 1, 1], [3, 2, 1]), null);
});

Deno.test("drift is the mean change without its sign", () => {
  assert.equal(drift([1, null, 5], [3, 9, 4, 7]), 1.5);
  assert.equal(drift([null], [1]), null);
});

Deno.test("two orders overlap by what is common to their beginnings", () => {
  assert.deepEqual(overlapOf([3, 1, 2], [1, 3, 0]), [0, 1, 2 / 3]);
  assert.deepEqual(overlapOf([3, 1, 2], [3, 1, 2], 2), [1, 1]);
  assert.deepEqual(overlapOf([3, 1, 2], [3], 2), [1, 0.5]);
});

Deno.test("the calibration error is the mean gap of 15 bins; a confidence of 1 is in the last", () => {
  const [low, high] = [0.5 / 15, 14.5 / 15];
  // Low: 1 − 2 low; the last bin: 1 − high, and 0 − 1 of the answer that is sure and wrong.
  const gap = calibrationError([low, low, high, 1], [false, true, true, false]);
  expectNear(gap, (1 - 2 * low + high) / 4);
  expectNear(calibrationError([13.5 / 15, high], [false, true]), (13.5 / 15 + 1 - high) / 2, 1e-12);
  // 1/15 is the second bin's own: its gap does not make up for the first one's.
  expectNear(calibrationError([1 / 15 - 1e-9, 1 / 15], [false, true]), (1 / 15 + 14 / 15) / 2, 1e-9);
  expectNear(calibrationError([0.7, 0.7], [true, false]), (0.7 - 0.3) / 2); // one bin: 0.3 − 0.7
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { minLength: 1 }),
      (all) => {
        const gaps = new Map<number, number>();
        for (const [sure, right] of all) {
          const bin = sure === 1 ? 14 : Math.floor(sure * 15);
          gaps.set(bin, (gaps.get(bin) ?? 0) + Number(right) - sure);
        }
        const expected = [...gaps.values()].reduce((sum, gap) => sum + Math.abs(gap), 0) / all.length;
        expectNear(calibrationError(all.map(([sure]) => sure), all.map(([, right]) => right)), expected);
      },
    ),
  );
});

Deno.test("prediction sets: every other document sets the threshold, and the sets of the others are counted", () => {
  const shares = Array.from({ length: 20 }, (_, i) => {
    const p = i % 2 === 0 ? 1 - (i / 2 + 1) / 20 : 0.5; // 1 − p of the even documents: 0.05, 0.1 … 0.5
    return [p, 1 - p];
  });
  // Ten documents set it at place ⌈0.9 · 11⌉ = 10, the largest, 0.5: both choices of each odd one are in.
  const right = shares.map(() => 0);
  expectNear(predictionSetSize(shares, right), 2);
  expectNear(predictionSetSize(shares.with(8, shares[18]).with(18, shares[8]), right), 2); // in any order
  expectNear(predictionSetSize(shares.toReversed(), right), mean([1, 1, 1, 1, 1, 1, 1, 1, 1, 2]));
  expectNear(predictionSetSize(shares.map((own, i) => i === 3 ? [0.2, 0.8] : own), right), 1.9);
  assert.equal(predictionSetSize([], []), null);
  assert.equal(predictionSetSize([[1, 0]], [0]), null);
  assert.equal(predictionSetSize(shares.slice(0, 16), right), null);
  assert.notEqual(predictionSetSize(shares.slice(0, 17), right), null);
});

Deno.test("the largest value's place is the first of equal ones", () => {
  assert.equal(largestAt(Float32Array.of(-3, -1, -2)), 1);
  assert.equal(largestAt(Float32Array.of(2, 7, 7, 1)), 1);
  assert.equal(largestAt(Float32Array.of(5, 2, 3)), 0);
  assert.equal(largestAt(Float32Array.of(1, 2, 3)), 2);
});

Deno.test("means and medians of what is there; quantiles lie between two numbers", () => {
  assert.equal(meanIn([null, 2, Infinity, 4, NaN]), 3);
  assert.equal(meanIn([5]), 5);
  assert.equal(meanIn([null, NaN]), null);
  assert.equal(median([3, null, 1, 10]), 3);
  assert.equal(median([10, 3, 1, 2]), 2.5);
  assert.equal(median([10, 9, 8, 7, 6]), 8);
  assert.equal(median([null]), null);
  assert.equal(median([4]), 4);
  for (const wrong of [3, ["a"], [1, "a"], [undefined]]) {
    assert.throws(
      () => median(wrong as never),
      /^TypeError: Cannot take the median: values is .*a list of numbers/,
    );
  }
  assert.deepEqual([0, 0.1, 0.5, 0.95, 1].map((share) => quantile([0, 10, 20], share)), [0, 2, 10, 19, 20]);
  assert.equal(quantile([7], 0.3), 7);
});

Deno.test("Pearson's correlation is SciPy's, far from zero and near it", () => {
  // scipy.stats.pearsonr
  expectNear(correlation([1, 4, 2, 8], [3, 1, 4, 1]), -0.7716807262833707);
  expectNear(correlation([1001, 1004, 1002, 1008], [3, 1, 4, 1]), -0.7716807262833707);
});
