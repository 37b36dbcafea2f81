/** Groups of plans over a text: the full model runs once, beside the first group that is measured, in its price and its memory too. */
import assert from "node:assert/strict";
import { estimate } from "features/by_name.ts";
import { perplexitySums, scoring } from "features/losses/mod.ts";
import type { TypesOf } from "core/result/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { flopsOf } from "core/study/estimate.ts";
import { type Measure, measured, type Shared } from "core/study/over.ts";
import { textOf } from "core/study/text.ts";
import { kept, withTiny } from "./tiny.ts";

const [first, second, third] = [[0, 1], [2], [1]].map((mlp): DropPlan[] => [{ ...noDrop, mlp }]);

Deno.test("the full model runs beside the first group that is not kept, and beside none where its streams are there", () =>
  withTiny(async ({ model, options }) => {
    const text = textOf(model, options);
    const { passes, measure } = scoring(true);
    /** For each group that runs: whether the full model runs beside it, and its streams stay, as prices, memory and the run have it. */
    const running = async (groups: DropPlan[][], shared?: Shared) => {
      const [asked, ran]: boolean[][] = [[], []];
      const watched: Measure<unknown, TypesOf<typeof perplexitySums>> = {
        result: perplexitySums,
        passes(model, own, size, plans, isFirst) {
          const made = passes(model, own, size, plans, isFirst);
          assert.deepEqual(made.map(({ plans }) => plans.includes(noDrop)), [isFirst]);
          asked.push(isFirst);
          return made;
        },
        async measure(own, options) {
          assert.deepEqual(
            own.passes.map(({ plans }) => plans.includes(noDrop)),
            own.passes.map(({ stays }) => stays),
          );
          ran.push(...own.passes.map(({ stays }) => stays!));
          return (await measure(own, options)).map((sums) => ({ sums }));
        },
      };
      const place = { model, text, own: null, shared };
      const results = await measured(watched, place, groups, options);
      assert.ok(asked.filter((isFirst) => isFirst).length <= 2, "as what runs, and as all");
      return { ran, results };
    };
    assert.deepEqual((await running([first])).ran, [true]);
    const { ran, results } = await running([first, second, first, third]);
    assert.deepEqual(
      ran,
      [true, false],
      "the first group is kept, and a group without plans of its own does not run",
    );
    assert.deepEqual(results[2], results[0]);
    assert.deepEqual((await running([first, second, third])).ran, []);
    assert.equal(kept(options.results).length, 3);

    const shared: Shared = {};
    const fresh = [[{ ...noDrop, attention: [0] }], [{ ...noDrop, attention: [1] }]];
    assert.deepEqual((await running([fresh[0]], shared)).ran, [true]);
    assert.deepEqual((await running(fresh, shared)).ran, [false]);
    shared.full!.free();
  }));

Deno.test("the price of plans has the full model beside them, once", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plans = [...first, ...second];
    const { samples, length } = textOf(model, options).sizes;
    const expected = flopsOf(model, [{ samples, length, head: true, plans: [noDrop, ...plans] }]);
    assert.equal((await estimate("perplexity", model, plans, options)).flops, expected);
  }));
