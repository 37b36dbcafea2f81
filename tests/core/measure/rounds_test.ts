/** Verdicts in rounds: false alarms and coverage at every stop, in simulated rounds, and what they say at their ends. */
import assert from "node:assert/strict";
import {
  changeOver,
  mean,
  roundsInterval,
  roundsShare,
  roundsTests,
  roundsVerdict,
  shuffled,
} from "core/measure/mod.ts";
import { philox } from "core/tensor/mod.ts";
import { readJson } from "../../fixtures/read.ts";

/** Changes of answers: `flips` of them, of which `lossy` are losses; a run has its own. */
const changes = (count: number, run: number, flips: number, lossy: number) =>
  Array.from({ length: count }, (_, i) => {
    const [flip, way] = philox([i, run, 4, 0], [3, 0]).map((word) => word / 2 ** 32);
    return flip >= flips ? 0 : way < lossy ? -1 : 1;
  });

const RUNS = 200;
const LOOKS = [32, 64, 96, 128, 160, 200, 250, 312, 390, 487, 608];

/** Runs that end with the first verdict among looks; and whether an interval missed the truth at any look. */
function stopped(flips: number, lossy: number, margin: number) {
  const truth = flips * (1 - 2 * lossy);
  return Array.from({ length: RUNS }, (_, run) => {
    const all = changes(LOOKS.at(-1)!, run, flips, lossy);
    let missed = false;
    for (const look of LOOKS) {
      const values = all.slice(0, look);
      const { low, high } = roundsInterval(values);
      missed ||= truth < low - 1e-9 || truth > high + 1e-9;
      const { verdict } = roundsVerdict(values, margin);
      if (verdict !== "cannot tell") return { verdict, missed, rounds: look };
    }
    return { verdict: "cannot tell", missed, rounds: LOOKS.at(-1)! };
  });
}

const share = (runs: ReturnType<typeof stopped>, wanted: string) =>
  mean(runs.map(({ verdict }) => Number(verdict === wanted)));

const { rounds } = await readJson("tests/fixtures/statistics.json");

Deno.test("intervals of rounds and their p values are SciPy's: 95 %, half of the rest on each side", () => {
  assert.equal(rounds.length, 5);
  for (const { values, m, ...expected } of rounds) {
    const { low, high } = roundsInterval(values);
    const { above, below } = roundsTests(values, m);
    // 40 halvings of at most 2 leave 2e-12; SciPy's root is as good.
    for (const [name, found] of Object.entries({ low, high, above, below })) {
      assert.ok(Math.abs(found - expected[name]) < 1e-11, `${name}: ${found} for ${expected[name]}`);
    }
  }
});

Deno.test("a verdict is yes or no where the p value is at most 5 %", () => {
  // Of n rounds without a change, p falls with n; the first n at or below 5 % is the first that says yes.
  const none = (n: number) => Array.from({ length: n }, () => 0);
  const first = [...Array(300).keys()].find((n) => n > 0 && roundsTests(none(n), -0.02).above <= 0.05)!;
  assert.ok(roundsTests(none(first - 1), -0.02).above > 0.05);
  const verdict = (value: number, n: number, margin: number) =>
    roundsVerdict(none(n).map(() => value), margin).verdict;
  assert.deepEqual([verdict(0, first - 1, 0.02), verdict(0, first, 0.02)], ["cannot tell", "yes"]);
  const lost = [...Array(300).keys()].find((n) =>
    n > 0 && roundsTests(none(n).map(() => -0.1), -0.02).below <= 0.05
  )!;
  assert.deepEqual([verdict(-0.1, lost - 1, 0.02), verdict(-0.1, lost, 0.02)], ["cannot tell", "no"]);
});

Deno.test("a plan that loses exactly the margin is judged in fewer than 5 % of runs, either way, whatever the stop", () => {
  for (const [flips, lossy, margin] of [[0.04, 0.75, 0.02], [0.1, 0.6, 0.02], [0.05, 1, 0.05]]) {
    const runs = stopped(flips, lossy, margin);
    for (const verdict of ["yes", "no"]) {
      assert.ok(share(runs, verdict) <= 0.05, `${flips}, ${lossy}: ${verdict} in ${share(runs, verdict)}`);
    }
    assert.ok(mean(runs.map(({ missed }) => Number(missed))) <= 0.05);
  }
});

Deno.test("plans that lose nothing, or much, are judged rightly, with documents left", () => {
  const kept = stopped(0.005, 0.5, 0.02);
  assert.ok(share(kept, "yes") > 0.9 && share(kept, "no") === 0);
  const lost = stopped(0.2, 0.9, 0.02);
  assert.ok(share(lost, "no") > 0.95 && share(lost, "yes") === 0);
  assert.ok(mean(lost.map(({ rounds }) => rounds)) < 200);
});

Deno.test("rounds without changes refute a loss as many as it takes; several tasks share a round", () => {
  const none = (n: number) => Array.from({ length: n }, () => 0);
  // At most log 20 + log 5, of one bet in five, over log(1 + 0.99 · 0.02 / 0.98): 231 documents, where 149 show it at a stop that is fixed.
  assert.equal(roundsVerdict(none(149), 0.02).verdict, "cannot tell");
  assert.equal(roundsVerdict(none(232), 0.02).verdict, "yes");
  const { value, low, high } = roundsInterval(none(232));
  assert.ok(value === 0 && low < 0 && Math.abs(low + high) < 1e-12 && high < 0.03);
  // The boldest bet loses all on these, by more than e^709.
  const turns = roundsInterval(Array.from({ length: 600 }, (_, i) => i % 2 ? 1 : -1));
  assert.ok(turns.low < -0.1 && turns.low > -0.2 && Math.abs(turns.low + turns.high) < 1e-9);
  const halves = changeOver([{ rounds: [1, 0, -1, 0] }, { rounds: [0, 0, -1, 1] }], 0.02);
  assert.deepEqual([halves.difference, halves.n, halves.verdict], [0, 8, "cannot tell"]);
  const longer = changeOver([{ rounds: [1, 0, -1, 0, 1, 1] }, { rounds: [0, 0, -1, 1] }], 0.02);
  assert.deepEqual(longer, halves, "rounds that all tasks were asked");
  const one = changeOver([{ rounds: none(232) }], 0.02);
  assert.deepEqual([one.verdict, one.n], ["yes", 232]);
  // A loss of everything is the one that is no more than everything.
  assert.deepEqual(roundsVerdict(none(3), 1), { verdict: "yes", p: roundsVerdict(none(3), 1).p });
  assert.deepEqual(roundsVerdict([-1, -1, -1], 1), { verdict: "cannot tell", p: 1 });
  const some = [true, false, false, false];
  const share = roundsShare(some);
  const as = roundsInterval([1, -1, -1, -1]);
  assert.deepEqual([share.value, 2 * share.low - 1, 2 * share.high - 1], [0.25, as.low, as.high]);
  assert.ok(roundsShare(none(265).map(() => true)).low > 1 - 0.02);
  for (const [all, end] of [[[-1, -1, -1], "low"], [[1, 1, 1], "high"]] as const) {
    const interval = roundsInterval(all);
    assert.equal(interval[end], all[0]);
    assert.ok(interval.low < interval.high);
  }
});

Deno.test("documents come in a random order of a seed and a stream, the one in which rounds were always asked", () => {
  assert.deepEqual(shuffled(10, 3, 5), [9, 8, 4, 3, 6, 2, 5, 1, 7, 0]);
});
