/** Limits and targets of a fit: which may stand together, and what keeps them. */
import assert from "node:assert/strict";
import {
  aimChecks,
  aimsOf,
  type Costs,
  documentsOf,
  type FitAim,
  keepsLimits,
  shareOfLimits,
} from "features/fit/limits.ts";
import { refuses } from "../../support.ts";

const ends = (value: number, half: number) => ({ value, low: value - half, high: value + half });

Deno.test("limits stand together, and one target beside them", () => {
  const { limits, target } = aimsOf({ kld: 0.05, perplexity: "2%", file: "85%" });
  assert.deepEqual(limits, [{ of: "kld", amount: 0.05 }, { of: "perplexity", amount: 0.02 }]);
  assert.deepEqual(target, { of: "file", amount: 0.85 });
  assert.deepEqual(aimsOf({ accuracy: 1, tasks: ["piqa", "piqa"] }).limits[0].tasks, ["piqa"]);
  assert.equal(aimsOf({ kld: 0.05 }).target, null);
  for (const [own, context] of [[{}, 8192], [{ context: 64 }, 64]] as const) {
    const { limits, target } = aimsOf({ loss: 0.1, kvBytes: "25%", ...own });
    assert.deepEqual([limits.length, target], [1, { of: "kv-bytes", amount: 0.25, context }]);
  }
  assert.deepEqual([documentsOf({}), documentsOf({ limit: 5 })], [
    { choosing: 100, all: 200 },
    { choosing: 3, all: 5 },
  ]);
});

Deno.test("numbers of limits and targets have their ranges, ends included or not", () => {
  const ranges: {
    [Name in keyof FitAim]: readonly [allowed: readonly unknown[], refused: readonly unknown[]];
  } = {
    kld: [[0.001, 0.5], [0.0009, 0]],
    loss: [[1e-9, 0.5], [0, -1]],
    accuracy: [[0.5, 100], [0, 100.5]],
    speed: [[1.01, 3], [1, 0.5]],
    tasks: [[["piqa"]], [[]]],
    limit: [[4, 200], [3, 4.5]],
    context: [[1, 8192], [0]],
  };
  for (const [name, [allowed, refused]] of Object.entries(ranges)) {
    const check = aimChecks[name as keyof FitAim];
    for (const value of allowed) assert.equal(check(value as never, name), null, `${name} ${value}`);
    for (const value of refused) assert.notEqual(check(value as never, name), null, `${name} ${value}`);
  }
});

Deno.test("no limit and two targets are refused", () =>
  refuses("Cannot fit: found ", (own: FitAim) => Promise.resolve().then(() => aimsOf(own)), [
    [{}, "no limit and no target, expected at least one of ", "TypeError"],
    [{ file: "80%", speed: 1.2 }, "expected at most one target of ", "TypeError"],
  ]));

Deno.test("a limit is kept by the upper end of its interval, and all have to be", () => {
  const costs: Costs = { kld: ends(0.04, 0.005), loss: ends(0.02, 0.03) };
  const kept = (own: FitAim) => keepsLimits(aimsOf(own).limits, costs);
  assert.equal(kept({ kld: 0.0451 }), "yes");
  assert.equal(kept({ kld: 0.044 }), "cannot tell");
  assert.equal(kept({ kld: 0.03 }), "no");
  assert.equal(kept({ kld: 0.05, loss: 0.04 }), "cannot tell");
  assert.equal(kept({ kld: 0.05, perplexity: Math.expm1(0.051) }), "yes");
  assert.equal(
    kept({ perplexity: Math.expm1(0.0499) }),
    "cannot tell",
    "a rise of the loss by its logarithm",
  );
  assert.equal(kept({ kld: 0.03, loss: 1 }), "no", "one is enough");
  const points = { ...costs, points: ends(1, 0.5) };
  assert.deepEqual([1.5, 1.4, 0.5, 0.4].map((accuracy) => keepsLimits(aimsOf({ accuracy }).limits, points)), [
    ...["yes", "cannot tell", "cannot tell", "no"],
  ]);
  assert.deepEqual([keepsLimits([], costs), shareOfLimits([], costs)], ["yes", 0]);
  const { limits } = aimsOf({ kld: 0.09, loss: 0.04 });
  assert.ok(Math.abs(shareOfLimits(limits, costs) - 1.25) < 1e-12, "the loss takes most of its limit");
  const unknown = { value: 0.01, low: null, high: null };
  assert.equal(keepsLimits(aimsOf({ kld: 0.05 }).limits, { ...costs, kld: unknown }), "cannot tell");
});
