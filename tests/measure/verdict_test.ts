/** What few numbers can carry: by hand, and against SciPy's t test. */
import assert from "node:assert/strict";
import { correlates, interval95, rankInterval, toldSign, withinBudget } from "../../src/measure/mod.ts";

Deno.test("a sign is told by the paired t test at 95 %, and never by one value, none, or what is not finite", () => {
  // scipy.stats.ttest_1samp([0.1, 0.2, 0.3], 0).pvalue is 0.0742; of [0.2, 0.25, 0.3] it is 0.0131.
  assert.equal(toldSign([0.1, 0.2, 0.3]), 0);
  assert.equal(toldSign([0.2, 0.25, 0.3]), 1);
  assert.equal(toldSign([-0.2, -0.25, -0.3]), -1);
  // Two values have one degree of freedom, t 12.706: p is 0.0445 and 0.0635.
  assert.equal(toldSign([0.93, 1.07]), 1);
  assert.equal(toldSign([0.9, 1.1]), 0);
  assert.equal(toldSign([0, 0, 0]), 0, "no difference at all");
  for (const values of [[], [5], [1, NaN, 1], [Infinity, 1]]) assert.equal(toldSign(values), 0);
});

Deno.test("an interval is Student's t over the samples, and endless where one sample has none", () => {
  const [low, high] = interval95(1, 0.1, 8);
  const half = 0.2364624251592784; // t of seven degrees of freedom
  assert.ok(Math.abs(low - (1 - half)) < 1e-9 && Math.abs(high - (1 + half)) < 1e-9);
  assert.deepEqual(interval95(1, null, 8), [-Infinity, Infinity]);
  assert.deepEqual(interval95(1, 0, 1), [-Infinity, Infinity]);
});

Deno.test("a correlation is told where its interval excludes 0; a perfect one from five pairs on", () => {
  assert.equal(correlates(0.16, 30), false);
  assert.equal(correlates(-0.45, 30), true);
  assert.equal(correlates(-0.4, 18), false);
  assert.deepEqual([4, 5].map((n) => correlates(1, n)), [false, true]);
  assert.deepEqual([4, 5].map((n) => correlates(-1 - 1e-16, n)), [false, true]);
  assert.deepEqual([null, NaN].map((r) => correlates(r, 30)), [false, false]);
  assert.equal(correlates(0.9, 3), false, "three pairs have no interval");
  assert.equal(correlates(0.9, 12, [-0.6, 0.95]), false, "a given interval is the one that counts");
  assert.equal(rankInterval(1, 30), null);
});

Deno.test("nothing dropped is within every budget, with one sample too", () => {
  const points = [[0, 0], [1, 0.01], [2, 0.5]].map(([dropped, rise]) => ({
    dropped,
    rise,
    riseError: 0.001,
  }));
  assert.deepEqual(withinBudget(points, 0.1, 8), { dropped: 1, atLeast: 1, atMost: 1 });
  assert.deepEqual(withinBudget(points, 0.1, 1), { dropped: 1, atLeast: 0, atMost: 2 });
});
