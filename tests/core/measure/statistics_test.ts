/** Means, errors, ranks, quartiles and verdicts: by hand, and against tables and SciPy's t test. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  correlates,
  deviation,
  halfWidth95,
  inDropOrder,
  interval95,
  mean,
  meanIn,
  median,
  present,
  quartiles,
  rankInterval,
  rankModules,
  spearman,
  standardError,
  studentT95,
  toldSign,
  withinBudget,
} from "core/measure/mod.ts";
import { correlation, largestAt, ranks } from "core/measure/statistics/statistics.ts";
import { readJson } from "../../fixtures/read.ts";
import { refuses } from "../../support.ts";

const { rankIntervals } = await readJson("tests/fixtures/statistics.json");

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, expected ${expected}`);

/** Moderate numbers: their squares neither overflow nor vanish. */
const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });

Deno.test("mean, deviation, standard error, and half of an interval", () => {
  assert.equal(mean([1, 2, 6]), 3);
  near(deviation([2, 4, 4, 4, 5, 5, 7, 9])!, Math.sqrt(32 / 7));
  near(halfWidth95([1, 2, 3, 4])!, 3.182446305283708 * Math.sqrt(5 / 3 / 4)); // t of 3 degrees of freedom
  assert.deepEqual([deviation([3]), halfWidth95([3])], [null, null]);
  near(standardError([2, 4, 4, 4, 5, 5, 7, 9])!, Math.sqrt(32 / 7 / 8));
  assert.equal(standardError([3, 3, 3]), 0);
  assert.equal(standardError([3]), null);
  assert.equal(standardError([]), null);
});

Deno.test("Student's t: SciPy's quantiles from 2 to 1000 values, and the normal distribution's for many", async () => {
  const url = new URL("../../fixtures/quantiles.json", import.meta.url);
  const expected: number[] = JSON.parse(await Deno.readTextFile(url));
  assert.equal(expected.length, 999);
  // Lanczos' logarithms of a gamma function are within 1e-15 of some thousands; measured: 2e-13.
  expected.forEach((quantile, i) => near(studentT95(i + 2), quantile, 1e-10));
  for (const n of [1, 0, NaN]) assert.ok(Number.isNaN(studentT95(n)));
  near(studentT95(1e6), 1.959966, 1e-6);
  near(studentT95(16, 32), 3.853566770665061, 1e-10); // SciPy: t.ppf(1 - 0.025 / 32, 15)
  near(studentT95(2, 1000), 12732.395421144818, 1e-5);
});

Deno.test("ranks: ties share their mean", () => {
  assert.deepEqual(ranks([30, 10, 20]), [3, 1, 2]);
  assert.deepEqual(ranks([3, 1, 3, 3]), [3, 1, 3, 3]);
  assert.deepEqual(ranks([1, 2, 2, 3]), [1, 2.5, 2.5, 4]);
  assert.deepEqual(ranks([]), []);
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (values) => {
    const n = values.length;
    assert.equal(ranks(values).reduce((sum, rank) => sum + rank, 0), n * (n + 1) / 2);
  }));
});

Deno.test("Spearman: worked examples", () => {
  // 1 − 6 Σd²/(n(n² − 1)) with d = 1, 1, 1, 1, 0.
  near(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]), 1 - 6 * 4 / (5 * 24));
  near(spearman([1, 2, 3], [10, 100, 1000]), 1);
  near(spearman([1, 2, 3], [9, 4, 1]), -1);
  near(spearman([1, 2, 2, 3], [1, 2, 2, 3]), 1);
  assert.ok(Number.isNaN(spearman([1, 1], [1, 2])));
});

Deno.test("Spearman sees the order alone, and both sides alike", () => {
  fc.assert(fc.property(fc.array(fc.tuple(number, number), { minLength: 3, maxLength: 30 }), (pairs) => {
    const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
    const value = spearman(a, b);
    fc.pre(!Number.isNaN(value));
    near(value, spearman(b, a));
    near(value, -spearman(a.map((x) => -x), b));
    near(value, spearman(ranks(a).map((rank) => rank ** 3), b));
    assert.ok(Math.abs(value) <= 1 + 1e-12);
  }));
});

Deno.test("Pearson's correlation of a line is its direction", () => {
  near(correlation([1, 2, 4], [3, 5, 9]), 1);
  near(correlation([1, 2, 4], [-1, -2, -4]), -1);
  near(correlation([1, 2, 3], [1, 0, 1]), 0);
});

Deno.test("NaN has no rank", () => {
  assert.throws(() => ranks([1, NaN, 2]), /^RangeError: Cannot rank values: found NaN, expected numbers/);
  assert.throws(() => spearman([1, 2], [NaN, 1]), RangeError);
  assert.deepEqual(ranks([Infinity, -Infinity, 0]), [3, 1, 2]);
});

Deno.test("the middle, and the middle half", () => {
  assert.deepEqual(quartiles([5, 1, 2, 4, 3]), { median: 3, low: 2, high: 4 });
  assert.deepEqual(quartiles([4, 1, 2, 3]), { median: 2.5, low: 1.75, high: 3.25 });
  assert.deepEqual(quartiles([7]), { median: 7, low: 7, high: 7 });
  assert.throws(() => quartiles([]), {
    name: "RangeError",
    message: "Cannot compute a median: found no numbers, expected at least one",
  });
});

Deno.test("the mean and the median of what is there, and the place of the largest", () => {
  assert.deepEqual([[1, 3, 3, 2], [5, 1], [1, 2]].map((own) => largestAt(Float32Array.from(own))), [1, 0, 1]);
  assert.deepEqual(present([0, null, 2]), [0, 2]);
  assert.deepEqual([[1, null, 3, NaN, Infinity], [5], [null, NaN]].map(meanIn), [2, 5, null]);
  const lists = [[10, null, 1, 9], [4, 1, 3, 2], [7], [1, 2], [null], []];
  assert.deepEqual(lists.map((list) => median(list)), [9, 2.5, 7, 1.5, null, null]);
  return refuses("TypeError: Cannot take the median: ", (values: unknown) => median(values as number[]), [
    ["1", 'values is "1", expected a list of numbers'],
    [[1, "2"], "expected a list of numbers"],
  ]);
});

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
  const mixed = [{ size: 2, layer: 0, score: 0 }, { layer: 0, score: 5 }, { size: 2, layer: 1, score: -1 }];
  assert.deepEqual(
    mixed.toSorted(inDropOrder).map(({ score }) => score),
    [5, -1, 0],
    "a module is a window of one",
  );
  assert.deepEqual(mixed.toReversed().sort(inDropOrder).map(({ score }) => score), [5, -1, 0]);
  const unscored = [0, 2, 1].map((layer) => ({ layer, score: null })).sort(inDropOrder);
  assert.deepEqual(unscored.map(({ layer }) => layer), [2, 1, 0]);
});

Deno.test("a sign is told by the paired t test at 95 %, and never by one value, none, or what is not finite", () => {
  // scipy.stats.ttest_1samp([0.1, 0.2, 0.3], 0).pvalue is 0.0742; of [0.2, 0.25, 0.3] it is 0.0131.
  // Two values have one degree of freedom, t 12.706: p is 0.0445 and 0.0635.
  const positive = [[0.2, 0.25, 0.3], [0.93, 1.07]];
  for (const values of positive) {
    assert.deepEqual([toldSign(values), toldSign(values.map((value) => -value))], [1, -1]);
  }
  const untold = [[0.1, 0.2, 0.3], [0.9, 1.1], [0, 0, 0], [], [5], [1, NaN, 1], [Infinity, 1]];
  for (const values of untold) assert.equal(toldSign(values), 0, `${values}`);
});

Deno.test("an interval is Student's t over the samples, and endless where one sample has none", () => {
  const [low, high] = interval95(1, 0.1, 8);
  const half = 0.2364624251592784; // t of seven degrees of freedom
  assert.ok(Math.abs(low - (1 - half)) < 1e-9 && Math.abs(high - (1 + half)) < 1e-9);
  near(interval95(0, 0.1, 2)[1], 1.2706204736174698, 1e-10); // t of one degree of freedom
  assert.deepEqual(interval95(1, null, 8), [-Infinity, Infinity]);
  assert.deepEqual(interval95(1, 0, 1), [-Infinity, Infinity]);
});

Deno.test("a correlation is told where its interval excludes 0; a perfect one from five pairs on", () => {
  const told = [[-0.45, 30], [1, 5], [-1 - 1e-16, 5]] as const;
  const untold = [[0.16, 30], [-0.4, 18], [1, 4], [-1 - 1e-16, 4], [null, 30], [NaN, 30], [0.9, 3]] as const;
  for (const [r, n] of told) assert.equal(correlates(r, n), true, `${r}, ${n}`);
  for (const [r, n] of untold) assert.equal(correlates(r, n), false, `${r}, ${n}`); // three pairs have no interval
  assert.equal(correlates(0.9, 12, [-0.6, 0.95]), false, "a given interval is the one that counts");
  assert.equal(correlates(0.5, 12, [0.2, 0.8]), true);
  assert.equal(correlates(-0.5, 12, [-0.8, -0.2]), true);
  for (const [low, high] of [[0, 0.9], [-0.9, 0]] as const) {
    assert.equal(correlates(0.5, 12, [low, high]), false);
  }
  for (const none of [null, NaN]) assert.equal(correlates(none, 12, [0.2, 0.8]), false);
  assert.equal(rankInterval(1, 30), null);
});

Deno.test("the interval of a rank correlation is Bonett and Wright's, with SciPy's quantile", () => {
  for (const { r, n, low, high } of rankIntervals) {
    const [from, to] = rankInterval(r, n)!;
    near(from, low, 5e-6); // the quantile has six digits
    near(to, high, 5e-6);
  }
  assert.equal(rankInterval(0.5, 3), null);
  // Perfect orders of five pairs are 2 of 120; rounding may leave them beside 1.
  assert.equal(correlates(1 - 1e-13, 5, null), true);
  assert.equal(correlates(1 - 1e-9, 5, null), false);
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

Deno.test("a budget holds a curve from its beginning: a rise that is as large is within, one that is larger ends it", () => {
  const curve = (...rises: [dropped: number, rise: number, error: number][]) =>
    rises.map(([dropped, rise, riseError]) => ({ dropped, rise, riseError }));
  const allowed = (points: ReturnType<typeof curve>) => withinBudget(points, 0.1, 8);
  assert.deepEqual(allowed(curve([1, 0.1, 0], [2, 0.2, 0])), { dropped: 1, atLeast: 1, atMost: 1 });
  assert.deepEqual(allowed(curve([1, 0.2, 0], [2, 0.05, 0])), { dropped: 0, atLeast: 0, atMost: 0 });
  assert.deepEqual(allowed(curve([1, 0, 0], [2, 0.2, 0], [3, 0.05, 0])), {
    dropped: 1,
    atLeast: 1,
    atMost: 1,
  });
  assert.deepEqual(allowed([]), { dropped: 0, atLeast: 0, atMost: 0 });
  // Nothing dropped costs nothing, whatever scatter it is given.
  assert.deepEqual(allowed(curve([0, 0, 0.5], [1, 0.01, 0.001])), { dropped: 1, atLeast: 1, atMost: 1 });
});
