/** Shares, means of shares and changes of means: against SciPy, in coverage, and what they say of few documents. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  calibrationError,
  changeOver,
  type Changes,
  documentsNeeded,
  meanInterval,
  predictionSetSize,
  shareInterval,
} from "core/measure/mod.ts";
import { equivalence, limits } from "core/measure/statistics/paired.ts";
import { philox, streamKeys } from "core/tensor/mod.ts";
import { readJson } from "../../fixtures/read.ts";
import { near } from "../../support.ts";

const { wilson } = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/paired.json", import.meta.url)),
);

const { normal, calibration, sets } = await readJson("tests/fixtures/statistics.json");

const same = (n: number): Changes => ({ n, gained: 0, lost: 0 });

Deno.test("the interval of a share is SciPy's Wilson interval; none right, or all, has a width", () => {
  assert.equal(wilson.length, 7);
  for (const { right, n, low, high } of wilson) {
    const own = shareInterval(right, n);
    // Both in float64; SciPy's quantile and ours differ in the last digit.
    assert.ok(Math.abs(own.low - low) < 1e-12 && Math.abs(own.high - high) < 1e-12, `${right} of ${n}`);
  }
  assert.ok(shareInterval(0, 20).high > 0.16);
  assert.deepEqual([shareInterval(0, 3).low, shareInterval(16, 16).high], [0, 1], "not beside, by rounding");
  fc.assert(fc.property(fc.nat(500), fc.nat(500), (right, wrong) => {
    fc.pre(right + wrong > 0);
    const { value, low, high } = shareInterval(right, right + wrong);
    assert.ok(0 <= low && low <= value && value <= high && high <= 1 && low < high);
  }));
});

Deno.test("a mean of one is itself; of equal ones, the interval shrinks with the root of their number", () => {
  const one = shareInterval(13, 40);
  assert.deepEqual(meanInterval([one]), one);
  const four = meanInterval([one, one, one, one]);
  assert.ok(Math.abs(four.value - one.value) < 1e-15);
  assert.ok(Math.abs((four.value - four.low) - (one.value - one.low) / 2) < 1e-15);
  assert.ok(Math.abs((four.high - four.value) - (one.high - one.value) / 2) < 1e-15);
});

Deno.test("each task counts once, however many documents it has", () => {
  const { difference } = changeOver([{ n: 10, gained: 0, lost: 5 }, { n: 1000, gained: 100, lost: 0 }], 0.02);
  assert.ok(Math.abs(difference - (-0.5 + 0.1) / 2) < 1e-15);
});

Deno.test("a verdict: yes, no, and that few documents cannot tell, alike for one task and for several", () => {
  const verdict = (margin: number, ...tasks: Changes[]) => changeOver(tasks, margin).verdict;
  for (let n = 1; n < 149; n += 7) assert.equal(verdict(0.02, same(n)), "cannot tell", `${n}`);
  assert.deepEqual([148, 149].map((n) => verdict(0.02, same(n))), ["cannot tell", "yes"]);
  assert.equal(documentsNeeded(0.02), 149);
  assert.equal(verdict(0.02, { n: 2000, gained: 40, lost: 45 }), "yes");
  assert.equal(verdict(0.02, { n: 40, gained: 0, lost: 12 }), "no");
  assert.equal(verdict(0.02, { n: 40, gained: 12, lost: 0 }), "no");
  // It differs, but by two points or by less: neither is shown.
  assert.equal(verdict(0.02, { n: 1000, gained: 10, lost: 35 }), "cannot tell");
  assert.equal(verdict(0.02, same(40), same(40)), "cannot tell");
  assert.equal(verdict(0.02, same(400), same(400)), "yes");
  // Where all is lost the interval ends at the value itself: all is within 1.1, and not within 1.
  const lost = [{ n: 9, gained: 0, lost: 9 }, { n: 20, gained: 0, lost: 20 }];
  assert.deepEqual([0.5, 1].map((margin) => changeOver(lost, margin).equivalence), [1, 1]);
  assert.equal(verdict(1.1, ...lost), "yes");
  assert.equal(verdict(0.02, { n: 40, gained: 0, lost: 12 }, { n: 40, gained: 0, lost: 12 }), "no");
});

Deno.test("p of several tasks is the normal distribution's at the margin's distance, in errors of the 90 % limit", () => {
  const tasks = [{ n: 400, gained: 12, lost: 20 }, { n: 300, gained: 9, lost: 4 }];
  const { value, low } = meanInterval(tasks.map((changes) => limits(changes, 0.05)));
  const error = (value - low) / 1.6448536269514722; // SciPy: norm.ppf(0.95)
  for (const [z, p] of normal) {
    const margin = z * error - value;
    // Above, the other side of the margin is the nearer one; Abramowitz and Stegun's series is good to 1.5e-7.
    if (margin > -value) near(changeOver(tasks, margin).equivalence, p, 3e-7);
  }
});

Deno.test("the calibration error has 15 bins, and sets cover 90 %, as NumPy has them", () => {
  near(calibrationError(calibration.confidences, calibration.right), calibration.error, 1e-12);
  near(predictionSetSize(sets.shares, sets.right)!, sets.size, 1e-12);
});

/** Changes of a task of some number of documents. */
const aTask = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(300))
  .filter(([gained, lost, rest]) => gained + lost + rest > 0)
  .map(([gained, lost, rest]): Changes => ({ n: gained + lost + rest, gained, lost }));

Deno.test("a change is never 0 … 0, p agrees with the verdict, and the order of tasks is nothing", () => {
  fc.assert(
    fc.property(
      fc.array(aTask, { minLength: 1, maxLength: 4 }),
      fc.double({ min: 0.005, max: 0.5, noNaN: true }),
      (tasks, margin) => {
        const change = changeOver(tasks, margin);
        const { difference, low, high, equivalence: p, verdict } = change;
        assert.ok(low <= difference && difference <= high && low < high);
        assert.ok(0 <= p && p <= 1);
        assert.equal(verdict === "yes", p < 0.05);
        if (verdict === "yes") assert.ok(Math.abs(difference) < margin);
        if (verdict === "no") assert.ok(Math.abs(difference) > margin);
        if (tasks.length === 1) assert.equal(p, equivalence(tasks[0], margin));
        const turned = changeOver(tasks.toReversed(), margin);
        assert.equal(turned.verdict, verdict);
        assert.ok(Math.abs(turned.low - low) < 1e-12 && Math.abs(turned.high - high) < 1e-12);
        const mirrored = tasks.map(({ n, gained, lost }) => ({ n, gained: lost, lost: gained }));
        near(changeOver(mirrored, margin).equivalence, p, 1e-9);
      },
    ),
    { numRuns: 60 },
  );
});

/** Draws of a share whose error is to be small. */
const DRAWS = 200;

/** Draws how the answers to n documents change. */
function drawn(n: number, up: number, down: number, draw: number, task: number): Changes {
  const keys = streamKeys(7, task, 0);
  const counts = { n, gained: 0, lost: 0 };
  for (let i = 0; i < n; i += 4) {
    for (const word of philox([draw, i, 0, 0], keys).slice(0, n - i)) {
      const uniform = (word >>> 0) / 2 ** 32;
      if (uniform < up) counts.gained++;
      else if (uniform < up + down) counts.lost++;
    }
  }
  return counts;
}

Deno.test("the interval of a mean over tasks holds the true one: few documents, rare changes, uneven tasks", () => {
  for (
    const tasks of [
      [[12, 0.02, 0.02], [12, 0.02, 0.02]],
      [[20, 0.1, 0.3], [60, 0.05, 0.05], [40, 0, 0.02]],
      [[100, 0.05, 0.05], [15, 0.2, 0.2]],
      [[30, 0, 0.01], [30, 0, 0.01], [30, 0, 0.01]],
    ]
  ) {
    const truth = tasks.reduce((sum, [, up, down]) => sum + up - down, 0) / tasks.length;
    let covered = 0;
    for (let draw = 0; draw < DRAWS; draw++) {
      const own = tasks.map(([n, up, down], task) => drawn(n, up, down, draw, task));
      const { low, high } = changeOver(own, 0.02);
      if (low <= truth && truth <= high) covered++;
    }
    // Of 200 draws at 95 %, the share has a standard error of 1.5 points; three of them below.
    assert.ok(covered / DRAWS > 0.95 - 3 * Math.sqrt(0.95 * 0.05 / DRAWS), `${tasks}: ${covered}`);
  }
});

Deno.test("a mean that is the margin away is called equivalent in some 5 % of draws at most", () => {
  for (const [n, up, down, margin] of [[150, 0, 0.02, 0.02], [150, 0.03, 0.05, 0.02], [40, 0, 0.1, 0.1]]) {
    let called = 0;
    for (let draw = 0; draw < DRAWS; draw++) {
      const tasks = [0, 1, 2].map((task) => drawn(n, up, down, draw, task));
      if (changeOver(tasks, margin).verdict === "yes") called++;
    }
    // As above: three standard errors over 5 %.
    assert.ok(called / DRAWS < 0.05 + 3 * Math.sqrt(0.05 * 0.95 / DRAWS), `${n}, ${margin}: ${called}`);
  }
});

Deno.test("prediction sets have the right choice in 90 % or more, and as few choices as the shares allow", () => {
  // Shares of four choices by a softmax of normal scores, of which the right one's is raised by a step.
  const draw = (step: number, seed: number, documents: number) => {
    const keys = streamKeys(seed, 2, 3);
    return Array.from({ length: documents }, (_, i) => {
      const scores = [0, 1, 2, 3].map((c) => {
        const [a, b] = philox([i, c, 0, 0], keys).map((word) => (word + 0.5) / 2 ** 32);
        return Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b) + (c === i % 4 ? step : 0);
      });
      const all = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      return scores.map((score) => Math.exp(score) / all);
    });
  };
  const right = (documents: number) => Array.from({ length: documents }, (_, i) => i % 4);
  const sizes = [0, 2, 6].map((step) => predictionSetSize(draw(step, 1, 2000), right(2000))!);
  // Guessing needs 90 % of four choices; a sure model one.
  const [none, some, sure] = sizes;
  assert.ok(Math.abs(none - 3.6) < 0.1 && some < 2.5 && sure < 1.05 && sure > 0.88, `${sizes}`);
  assert.equal(predictionSetSize(draw(2, 1, 16), right(16)), null);
  assert.notEqual(predictionSetSize(draw(2, 1, 18), right(18)), null);
  // By hand: nine documents set the threshold at their largest 1 − p, 0.9.
  const own = (i: number) => i % 2 ? [0.95, 0.05] : i === 4 ? [0.1, 0.9] : [0.6, 0.4];
  const shares = Array.from({ length: 18 }, (_, i) => own(i));
  assert.equal(predictionSetSize(shares, shares.map(() => 0)), 1);
  assert.equal(predictionSetSize(shares.with(1, [0.5, 0.5]), shares.map(() => 0)), 10 / 9);
});
