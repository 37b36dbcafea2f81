/** Changed answers: against a brute force with SciPy (fixtures/make_paired.py), and what has to hold for every number of documents. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { binomialShare } from "core/measure/statistics/binomial.ts";
import {
  changeInterval,
  changesOf,
  documentsNeeded,
  equivalence,
  limits,
} from "core/measure/statistics/paired.ts";
import { readJson } from "../../fixtures/read.ts";
import { refuses } from "../../support.ts";

const { tests, limits: expected } = await readJson("tests/fixtures/paired.json");

const unchanged = (n: number) => ({ n, gained: 0, lost: 0 });

/** Numbers of documents that became right and wrong, of some. */
const anyChanges = fc.tuple(fc.nat(200), fc.nat(200), fc.nat(400))
  .filter(([gained, lost, same]) => gained + lost + same > 0)
  .map(([gained, lost, same]) => ({ n: gained + lost + same, gained, lost }));

Deno.test("p of equivalence: a sum over every outcome at the likeliest nuisance, as SciPy has them", () => {
  assert.equal(tests.length, 72);
  for (const { margin, p, ...changes } of tests) {
    // The brute force searches for the nuisance; a search finds a maximum to the root of float64, 1e-8, times n.
    const found = equivalence(changes, margin);
    assert.ok(Math.abs(found - p) < 1e-5, `${JSON.stringify(changes)}, ${margin}: ${found} for ${p}`);
  }
});

Deno.test("p of thousands of documents leaves out no count that matters", () => {
  // By SciPy, over every count of lost documents: tests/fixtures/make_paired_large.py.
  for (
    const [n, gained, lost, margin, p] of [
      [3000, 600, 600, 0.02, 0.04170879375212494],
      [3000, 580, 610, 0.02, 0.1923662501691733],
      [2000, 900, 880, 0.05, 0.028909080633215532],
    ]
  ) {
    const found = equivalence({ n, gained, lost }, margin);
    assert.ok(Math.abs(found - p) < 1e-9, `${gained} and ${lost} of ${n}: ${found} for ${p}`);
  }
});

Deno.test("limits: where that p value crosses the tail", () => {
  assert.equal(expected.length, 22);
  for (const { tail, low, high, ...changes } of expected) {
    const found = limits(changes, tail);
    // The brute force halves at most 2 for 24 times, to 1.2e-7; its p values are as good as above.
    for (const [own, theirs] of [[found.low, low], [found.high, high]]) {
      assert.ok(Math.abs(own - theirs) < 1e-5, `${JSON.stringify(changes)}, ${tail}: ${own} for ${theirs}`);
    }
  }
});

Deno.test("limits: p is less than the tail just below, and not just above", () => {
  // The p value of equivalence is that of the lower limit where no more became right than wrong.
  const tails = fc.constantFrom(0.005, 0.025, 0.05);
  fc.assert(fc.property(anyChanges.filter(({ gained, lost }) => gained <= lost), tails, (changes, tail) => {
    const { low } = limits(changes, tail);
    fc.pre(low > -1 + 1e-8);
    const [below, above] = [-1e-8, 1e-8].map((step) => equivalence(changes, -(low + step)));
    assert.ok(below <= tail * (1 + 1e-9) && above >= tail * (1 - 1e-9), `${low}: ${below} to ${above}`);
  }));
});

Deno.test("without a changed answer p is the exact chance of that: two points at 95 % need 149 documents", () => {
  assert.ok(equivalence(unchanged(148), 0.02) > 0.05);
  assert.ok(equivalence(unchanged(149), 0.02) < 0.05);
  assert.ok(equivalence(unchanged(2), 0.02) > 0.96);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20_000 }), fc.double({ min: 0.001, max: 0.9 }), (n, margin) => {
      fc.pre(!Number.isNaN(margin));
      const p = equivalence(unchanged(n), margin);
      // Relative to the chance, errors of the logarithm grow with n log(1 − margin).
      const exact = (1 - margin) ** n;
      assert.ok(Math.abs(p - exact) <= 1e-9 * exact + 1e-300, `${p} for ${exact}`);
      assert.ok(equivalence(unchanged(n + 1), margin) <= p);
      const { value, low, high } = changeInterval(unchanged(n));
      assert.equal(value, 0);
      assert.ok(Math.abs(high - (1 - 0.05 ** (1 / n))) < 1e-9, `${high}`);
      assert.equal(low, -high);
    }),
  );
});

Deno.test("an interval has a width, holds the difference, and turns round with the models", () => {
  fc.assert(
    fc.property(anyChanges, ({ n, gained, lost }) => {
      const { value, low, high } = changeInterval({ n, gained, lost });
      assert.ok(-1 <= low && low <= value && value <= high && high <= 1 && low < high, `${low} ${high}`);
      const turned = changeInterval({ n, gained: lost, lost: gained });
      assert.ok(Math.abs(turned.low + high) < 1e-9 && Math.abs(turned.high + low) < 1e-9);
    }),
    { numRuns: 50 },
  );
});

Deno.test("more documents lost make equivalence no likelier where most of the changes are losses", () => {
  for (const n of [20, 149, 400]) {
    const p = Array.from({ length: 12 }, (_, lost) => equivalence({ n, gained: 0, lost }, 0.05));
    for (let lost = 1; lost < p.length; lost++) assert.ok(p[lost] >= p[lost - 1], `${n}: ${p}`);
  }
});

/** The chance of every outcome under two shares of changed documents. */
function* outcomes(n: number, up: number, down: number) {
  for (let lost = 0; lost <= n; lost++) {
    for (let gained = 0; gained <= n - lost; gained++) {
      const chance = binomialShare(lost, n, down) * binomialShare(gained, n - lost, up / (1 - down));
      yield { n, gained, lost, chance };
    }
  }
}

Deno.test("95 % intervals of 20 documents hold the true difference with 94.5 % at least, over all outcomes", () => {
  const all = [...outcomes(20, 0.1, 0.1)];
  const intervals = new Map(all.map((own) => [`${own.gained} ${own.lost}`, changeInterval(own)]));
  for (const changed of [0.02, 0.05, 0.1, 0.14, 0.3, 0.6, 0.95]) {
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const truth = -changed * share;
      let covered = 0;
      for (const { gained, lost, chance } of outcomes(20, (changed + truth) / 2, (changed - truth) / 2)) {
        const { low, high } = intervals.get(`${gained} ${lost}`)!;
        if (low <= truth && truth <= high) covered += chance;
      }
      // The worst of 2,079 pairs of shares with n of 10, 20 and 40 was 94.7 %: the p value is estimated, not maximised.
      assert.ok(covered > 0.945, `${changed} changed, difference ${truth}: ${covered}`);
    }
  }
});

Deno.test("models that differ by the margin are called equivalent in at most 5.5 % of all outcomes", () => {
  for (const [n, margin] of [[20, 0.15], [40, 0.1], [149, 0.02], [300, 0.02]]) {
    const refused = [];
    for (let gained = 0; gained < n * margin; gained++) {
      for (let lost = 0; lost < gained + n * margin && gained + lost <= n; lost++) {
        if (equivalence({ n, gained, lost }, margin) < 0.05) refused.push({ gained, lost });
      }
    }
    assert.ok(refused.length > 0);
    for (const changed of [margin, 1.2 * margin, 2 * margin, 5 * margin]) {
      const [up, down] = [(changed - margin) / 2, (changed + margin) / 2];
      const chance = refused.reduce(
        (sum, { gained, lost }) =>
          sum + binomialShare(lost, n, down) * binomialShare(gained, n - lost, up / (1 - down)),
        0,
      );
      assert.ok(chance < 0.055, `${n}, ${margin}, ${changed}: ${chance}`);
    }
  }
});

Deno.test("odd margins: none is within a negative one, and all are within more than the whole", () => {
  assert.equal(equivalence(unchanged(5), 1.5), 0);
  assert.equal(equivalence({ n: 5, gained: 0, lost: 5 }, 1), 1);
  assert.equal(equivalence({ n: 5, gained: 0, lost: 5 }, 1.5), 0);
  assert.equal(equivalence({ n: 5, gained: 0, lost: 4 }, 1), 0);
  assert.ok(equivalence({ n: 500, gained: 30, lost: 30 }, 1e-9) >= 0.5);
});

Deno.test("changes are counted from answers; other numbers, other documents and none are refused", () => {
  assert.deepEqual(changesOf([1, 0, 0, 1], [0, 1, 1, 1]), { n: 4, gained: 1, lost: 2 });
  return refuses("Cannot ", ([run, base]: number[][]) => changesOf(run, base), [
    [[[], []], "found 0 and 0, expected equal numbers of at least 1"],
    [[[1], [1, 0]], "found 1 and 2"],
    [[[0.5], [0]], "found a change of 0.5, expected −1, 0 or 1"],
    [[[NaN], [0]], "found a change of NaN"],
    [[[1, 2, 5], [0, 0, 0]], "found a change of 2"],
  ]);
});

Deno.test("documents needed are those of (1 − margin)ⁿ", () => {
  assert.deepEqual([0.01, 0.02, 0.05].map(documentsNeeded), [299, 149, 59]);
});

Deno.test("an interval leaves 2.5 % on each side, and all 5 % on the one side that unchanged answers have", () => {
  const changes = { n: 50, gained: 3, lost: 1 };
  assert.deepEqual(changeInterval(changes), limits(changes, 0.025));
  assert.deepEqual(changeInterval(unchanged(50)), limits(unchanged(50), 0.05));
  for (const n of [1, 10, 3000]) { // where p, (1 − |δ|)ⁿ, is the tail
    const { low, high } = limits(unchanged(n), 0.05);
    assert.ok(Math.abs(high - (1 - 0.05 ** (1 / n))) < 1e-9 && low === -high, `${n}: ${low} to ${high}`);
  }
  for (const n of [3, 9]) { // where all became right p is ((1 + δ) / 2)ⁿ
    const { low } = limits({ n, gained: n, lost: 0 }, 0.025);
    assert.ok(Math.abs(low - (2 * 0.025 ** (1 / n) - 1)) < 1e-9, `${n}: ${low}`);
  }
  // Where almost all is lost, false position comes from one side alone.
  const most = { n: 149, gained: 0, lost: 140 };
  assert.ok(Math.abs(equivalence(most, -limits(most, 0.025).low) / 0.025 - 1) < 1e-8);
  // As low as can be, or as high, has no further limit.
  assert.equal(limits({ n: 9, gained: 0, lost: 9 }, 0.025).low, -1);
  assert.equal(limits({ n: 9, gained: 9, lost: 0 }, 0.025).high, 1);
});
