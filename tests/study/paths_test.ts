/** The map of paths: every path that the options name, each as it costs alone, and no claim from samples that chose. */
import assert from "node:assert/strict";
import { planPhrase, planText, routeOf } from "../../src/measure/mod.ts";
import { paths, perplexities } from "../../src/mod.ts";
import { estimate } from "../../src/study/mod.ts";
import { pathsFigure, rowsOf, tableText } from "../../src/show/mod.ts";
import { countsOf } from "../../src/show/tables/roofline.ts";
import { paths as synthetic } from "../show/synthetic_paths.ts";
import { paired } from "../../src/figures.ts";
import { withTiny } from "./tiny.ts";

const SIZES = { longest: 2, windows: [2], times: [2, 3], confirm: 2 } as const;

Deno.test("every path of the options is measured as it is alone; the cheapest again on the other half", () =>
  withTiny(async ({ model, options: { results: _, ...text } }) => {
    const result = await paths(model, { ...text, ...SIZES });
    const count = (way: string) => result.paths.filter((own) => own.way === way).length;
    // Three layers: windows of 1 and 2, pairs of neighbours, and loops of two layers.
    assert.deepEqual(["repeat", "swap", "beside", "loop"].map(count), [3 + 2, 2, 2, 2 * 2]);
    const half = { ...text, samples: 2 };
    const plans = result.paths.map(({ path }) => ({ path }));
    const [full, ...runs] = await perplexities(model, [{}, ...plans], half);
    assert.equal(result.nll, full.nll);
    for (const [i, { rise, visits, path }] of result.paths.entries()) {
      assert.equal(rise, paired(runs[i], full).rise);
      assert.equal(visits, routeOf(path).visits.length);
    }
    const order = [...result.paths.keys()].sort((a, b) => result.paths[a].rise - result.paths[b].rise);
    assert.deepEqual(result.confirmed.map(({ at }) => at), order.slice(0, 2));
    const skip = { ...half, skip: 2 };
    const again = await perplexities(model, [{}, ...result.confirmed.map(({ at }) => plans[at])], skip);
    assert.deepEqual(
      result.confirmed.map(({ rise }) => rise),
      again.slice(1).map((run) => paired(run, again[0]).rise),
    );
    assert.equal(rowsOf([result]).length, result.paths.length);
    const { plans: priced } = await estimate("paths", model, { ...text, ...SIZES });
    assert.equal(priced, plans.length);
  }));

Deno.test("too few samples, and windows that no model has, are refused", () =>
  withTiny(async ({ model, options }) => {
    await assert.rejects(
      paths(model, { ...options, ...SIZES, samples: 1 }),
      /samples is 1, expected 2 or more/,
    );
    await assert.rejects(
      paths(model, { ...options, ...SIZES, ways: ["loop"], windows: [9] }),
      /fewer than a window/,
    );
    await assert.rejects(
      paths(model, { ...options, ...SIZES, times: [1] }),
      /times\[0\] is 1, expected a whole number/,
    );
  }));

Deno.test("a plan on a path is called by it, wherever plans have names", () => {
  const plan = { attention: [1], mlp: [], path: [0, 1, 0, 1] };
  assert.equal(countsOf(plan), "1 attention, path 0-1,0-1");
  assert.equal(planText(plan), "attention 1 · path 0-1,0-1");
  assert.equal(planPhrase(plan), "on path 0-1,0-1, without attention 1");
});

Deno.test("a gain is claimed where the samples that did not choose decide it", () => {
  const says = (again: number) => {
    const result = synthetic({ layers: 6 }, again);
    return [pathsFigure(result).title, tableText([result])].join("\n");
  };
  assert.match(
    says(-0.02),
    /the best lowers the loss: layers 0 and 1 in a loop of 2[^]*1 path with a lower loss on samples/,
  );
  assert.match(
    says(-0.001),
    /Cannot tell whether any of 26 paths lowers the loss[^]*no path lowers the loss as far/,
  );
  assert.match(says(0.02), /The cheapest of 26 paths costs 0.02[^]*no path lowers the loss as far/);
});
