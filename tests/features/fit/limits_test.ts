/** Limits and targets of a fit: which may stand together, and what keeps them. */
import assert from "node:assert/strict";
import { aimsOf, type Costs, type FitAim, keepsLimits, shareOfLimits } from "features/fit/limits.ts";
import { refuses } from "../../support.ts";

const ends = (value: number, half: number) => ({ value, low: value - half, high: value + half });

Deno.test("limits stand together, and one target beside them", () => {
  const { limits, target } = aimsOf({ kld: 0.05, perplexity: "2%", file: "85%" });
  assert.deepEqual(limits, [{ of: "kld", amount: 0.05 }, { of: "perplexity", amount: 0.02 }]);
  assert.deepEqual(target, { of: "file", amount: 0.85 });
  assert.deepEqual(aimsOf({ accuracy: 1, tasks: ["piqa", "piqa"] }).limits[0].tasks, ["piqa"]);
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
  assert.equal(keepsLimits([], costs), "yes");
  const { limits } = aimsOf({ kld: 0.09, loss: 0.04 });
  assert.ok(Math.abs(shareOfLimits(limits, costs) - 1.25) < 1e-12, "the loss takes most of its limit");
  const unknown = { value: 0.01, low: null, high: null };
  assert.equal(keepsLimits(aimsOf({ kld: 0.05 }).limits, { ...costs, kld: unknown }), "cannot tell");
});
