/** The map of paths: every path that the options name, each as it costs alone, and no claim from samples that chose. */
import assert from "node:assert/strict";
import { planPhrase, planText, routeOf } from "../../src/measure/mod.ts";
import { evaluate, paths, perplexities } from "../../src/mod.ts";
import { estimate } from "../../src/study/mod.ts";
import { pathsFigure, rowsOf, tableText } from "../../src/show/mod.ts";
import { countsOf } from "../../src/show/tables/roofline.ts";
import { paths as synthetic, withAccuracy } from "../show/synthetic_paths.ts";
import { accuracyChange, paired } from "../../src/figures.ts";
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

Deno.test("a map of accuracy is what evaluate says of each path; the best are asked again on the other half", () =>
  withTiny(async ({ model, options: { results: _, ...text } }) => {
    const asked = {
      ...text,
      ...SIZES,
      ways: ["repeat", "swap"],
      tasks: ["openbookqa", "openbookqa"],
      limit: 25,
    } as const;
    const { accuracy, ...map } = await paths(model, asked);
    const plans = map.paths.map(({ path }) => ({ path }));
    const common = { tasks: ["openbookqa"], prompts: 0, engine: "cpu" } as const;
    const [full, identity, ...runs] = await evaluate(model, [{}, { path: "0-2" }, ...plans], {
      ...common,
      limit: 13,
    });
    assert.deepEqual(identity.tasks, full.tasks);
    const { tasks, changes, confirmed, value } = accuracy!;
    assert.deepEqual(tasks, common.tasks); // once, as they are evaluated
    assert.equal(value, full.tasks.openbookqa.acc_norm);
    assert.deepEqual(changes, runs.map((run) => accuracyChange(run, full)));
    assert.ok(new Set(changes.map(({ difference }) => difference)).size > 1);
    // The most accurate first; of equally accurate ones the cheaper.
    const order = [...plans.keys()].sort((a, b) =>
      changes[b].difference - changes[a].difference || map.paths[a].rise - map.paths[b].rise
    );
    assert.deepEqual(confirmed.map(({ at }) => at), order.slice(0, 2));
    const best = order.slice(0, 2).map((at) => plans[at]);
    const [base, ...again] = await evaluate(model, [{}, ...best], { ...common, skip: 13, limit: 12 });
    assert.deepEqual(
      confirmed.map(({ at: _, ...own }) => own),
      again.map((run) => accuracyChange(run, base)),
    );
    // The map of losses is the one without tasks.
    const { tasks: _tasks, limit: _limit, ...alone } = asked;
    assert.deepEqual(map, await paths(model, alone));
    const prices = await Array.fromAsync([asked, alone], (own) => estimate("paths", model, own));
    assert.ok(prices[0].flops > prices[1].flops);
  }));

Deno.test("documents of tasks have two halves, which are there before anything is measured", () =>
  withTiny(async ({ model, options }) => {
    const asked = { ...options, ...SIZES, tasks: ["openbookqa"] };
    await assert.rejects(paths(model, { ...asked, limit: 3 }), /limit is 3, expected a whole number/);
    await assert.rejects(paths(model, { ...options, limit: 8 }), /found limit without tasks/);
    await assert.rejects(paths(model, { ...asked, tasks: ["openbook"] }), /openbook/);
    await assert.rejects(
      paths(model, { ...asked, limit: 1001 }),
      /found 500 documents, expected more than 501/,
    );
  }));

Deno.test("too few samples, and windows that no model has, are refused", () =>
  withTiny(async ({ model, options }) => {
    await assert.rejects(
      paths(model, { ...options, ...SIZES, samples: 1 }),
      /samples is 1, expected 2 or more/,
    );
    await assert.rejects(
      paths(model, { ...options, ...SIZES, ways: ["loop"], windows: [9] }),
      /too few layers for a window, 3/,
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
  const answers = (again: number) => {
    const result = withAccuracy(synthetic({ layers: 6 }), again);
    assert.equal(rowsOf([result])[21].change_again, again);
    return [pathsFigure(result).reading, tableText([result])].join("\n");
  };
  assert.match(
    answers(0.04),
    /The most accurate path gains[^]*\+?4.0 points[^]*1 path with a higher accuracy on documents/,
  );
  assert.match(answers(0.02), /No path gains accuracy[^]*no path raises the accuracy as far/);
});
