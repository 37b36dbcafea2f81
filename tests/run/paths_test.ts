/**
 * Paths beside Hugging Face's layers called in the same order, in float64 (make_paths.py). A logit is off by the relative error of a
 * state at most (`stateTolerance`, of as many layers as the path visits), times the largest logit; the loss of a token by twice that.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Path, pathIn, pathText, planHash, planText, routeOf } from "../../src/measure/mod.ts";
import type { LayerSpec } from "../../src/models/mod.ts";
import {
  changedSpec,
  countModules,
  type DropLists,
  type DropPlan,
  dropPlan,
  forward,
  noDrop,
  scheduleOf,
  score,
  segmentsOf,
} from "../../src/run/mod.ts";
import { engine, expectNear, largest, stateTolerance, withFixture } from "../support.ts";
import expected from "../fixtures/paths.json" with { type: "json" };
import { linearOf, meanOf } from "../export/changed.ts";
import { finalStreams, stepLogits } from "./states.ts";

const PATHS = expected.paths as unknown as Path[];

for (const [name, { ids, nll }] of Object.entries(expected.models)) {
  Deno.test(`${name}: losses on paths are Hugging Face's, and tokens one by one see what a pass does`, () =>
    withFixture(name, async ({ model }) => {
      const blocks = { ids: Int32Array.from(ids.flat()), samples: ids.length, length: ids[0].length };
      const plans = [noDrop, ...PATHS.map((path) => dropPlan(model.spec, { path }))];
      const sums = await score({ model, engine, segments: segmentsOf(blocks), plans });
      for (const [p, plan] of plans.entries()) {
        const spec = changedSpec(model.spec, plan);
        const own = blocks.ids.subarray(0, blocks.length);
        const steps = await stepLogits({ model, plan }, own, 3);
        const [whole] = await stepLogits({ model, plan }, own, own.length);
        expectNear(spec, steps.at(-1)!, whole, planText(plan));
        const most = 2 * stateTolerance(spec) * Math.max(...steps.map(largest)) * blocks.length;
        for (const [sample, { nll: found }] of sums[p].entries()) {
          const off = Math.abs(found - nll[p][sample]);
          assert.ok(off <= most, `${planText(plan)}, sample ${sample}: off by ${off}, at most ${most}`);
        }
      }
    }));
}

Deno.test("plans on paths share the visits that they share, and each gives what it gives alone", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const plans = ["0,1,0,1", "0,1,1", "0-1~2", "0,0,1"].map((path) => dropPlan(model.spec, { path }));
    const all = [noDrop, { attention: [1], mlp: [] }, ...plans];
    const together = await finalStreams(model, blocks, all);
    for (const [i, plan] of all.entries()) {
      assert.deepEqual(together[i], (await finalStreams(model, blocks, [plan]))[0]);
    }
    // The full model; without attention 1 an MLP and layer 2; behind 0,1 the layers 0,1, then 1, then 0,1 on the loop's sum; behind 0
    // the layers 0,1.
    assert.equal(countModules(scheduleOf(model.spec, all)), 6 + 3 + 4 + 2 + 4 + 4);
  }));

Deno.test("a change of one visit that brings tensors gives in a pass what it gives token by token, and elsewhere nothing", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const mean = { ...meanOf(model.spec, 1, "attention"), visit: 1 };
    const linear = { ...linearOf(model.spec, 0, "mlp"), visit: 0 };
    const plans = [[], [mean], [linear, mean]].map((changes) =>
      dropPlan(model.spec, { path: "0,1,1,0", changes })
    );
    const ids = blocks.ids.subarray(0, blocks.length);
    const sums = await score({
      model,
      engine,
      segments: segmentsOf({ ids, samples: 1, length: ids.length }),
      plans,
    });
    for (const [p, plan] of plans.entries()) {
      const rows = await stepLogits({ model, plan }, ids, 1);
      const log = (row: Float32Array, id: number) =>
        row[id] - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      const wanted = -ids.subarray(1).reduce((sum, id, t) => sum + log(rows[t], id), 0);
      const most = 2 * stateTolerance(changedSpec(model.spec, plan)) * Math.max(...rows.map(largest)) *
        ids.length;
      assert.ok(
        Math.abs(sums[p][0].nll - wanted) <= most,
        `${planText(plan)}: ${sums[p][0].nll}, not ${wanted}`,
      );
    }
    assert.equal(new Set(sums.map(([{ nll }]) => nll)).size, 3);
  }));

Deno.test("the map of repeats runs half of its layers", () => {
  const layer = {
    residual: "sequential",
    attention: { kind: "softmax" },
    mlp: { kind: "dense" },
  } as LayerSpec;
  const spec = { layers: Array<LayerSpec>(30).fill(layer) };
  const places = Array.from({ length: 31 }, (_, j) => Array.from({ length: j }, (_, i) => [i, j])).flat();
  const plans = places.map(([i, j]): DropPlan => ({ ...noDrop, path: pathIn(`0-${j - 1},${i}-29`) }));
  assert.equal(plans.length, 465);
  // A path is known by where it jumps from and the layer that it jumps to: behind j all layers from i on are its own.
  const own = places.reduce((sum, [i]) => sum + 30 - i, 0);
  assert.equal(countModules(scheduleOf(spec, plans)), 2 * (30 + own));
  const { stops } = scheduleOf(spec, plans);
  assert.ok(stops.length <= 3 * 30, "each layer is read three times at most, for all plans");
});

Deno.test("a damped loop is what its formula says, of any numbers", () => {
  const times = fc.integer({ min: 1, max: 6 });
  fc.assert(fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (times, once) => {
    const g = (x: number) => 3 * x + 1;
    let x = 2;
    for (let k = 0; k < times; k++) x = (1 - 1 / times) * x + g(x) / times;
    const wanted = once * g(2) + (1 - once) * x;
    const { visits, end } = routeOf([{ loop: [0, 0], times, once }]);
    const streams = [2];
    const sum = (mix: typeof end) => mix.reduce((sum, [stream, weight]) => sum + weight * streams[stream], 0);
    for (const { from } of visits) streams.push(g(sum(from)));
    assert.ok(Math.abs(sum(end) - wanted) <= 1e-12 * Math.abs(wanted));
  }));
});

Deno.test("a path has one text and one normal form; plans without one keep their keys", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const normal = (lists: DropLists) => dropPlan(spec, lists);
    const last = spec.layers.length - 1;
    for (const text of ["0-1,0-1", "1,0", "0-1~3/0.25", "0|1,1", "0,0-0~2/0,1|0"]) {
      assert.equal(pathText(pathIn(text)), text);
      assert.deepEqual(normal({ path: text }).path, pathIn(text));
    }
    assert.deepEqual(normal({ path: `0-${last}` }), normal({}));
    assert.deepEqual(normal({ path: `0-${last}~1` }), normal({}));
    assert.deepEqual(normal({ path: "1" }), normal({ attention: [0, 2], mlp: [0, 2] }));
    assert.equal(planHash(noDrop), "e3b0c44298fc1c14"); // of no change at all, as ever
    const twice = normal({ path: "0-1,0-1", attention: [1] });
    const second = { layer: 1, module: "attention", to: "nothing", visit: 1 } as const;
    const once = normal({ path: "0-1,0-1", changes: [second] });
    assert.notEqual(planHash(twice), planHash(once));
    assert.deepEqual(changedSpec(spec, twice).layers.map(({ attention }) => attention === null), [
      false,
      true,
      false,
      true,
    ]);
    assert.deepEqual(changedSpec(spec, once).layers.map(({ attention }) => attention === null), [
      false,
      false,
      false,
      true,
    ]);
    assert.equal(planText(once), "path 0-1,0-1 · attention at visit 1 1 (dropped)");
  }));

Deno.test("a path that is none is refused by what is wrong with it", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const refused: [DropLists, RegExp][] = [
      [{ path: "99" }, /names layer 99, expected a layer from 0 to 2/],
      [{ path: "1-0" }, /path is "1-0", expected layers as/],
      [{ path: "" }, /expected/],
      [{ path: "0,,1" }, /path is "0,,1", expected layers as/],
      [{ path: [] }, /expected 1 to 4096/],
      [{ path: [0.5] }, /names layer 0.5/],
      [{ path: [{ beside: [] }] }, /expected a layer/],
      [{ path: [{ loop: [0, 1], times: 1e9, once: 0 }] }, /has 1000000000 rounds, expected/],
      [{ path: [{ loop: [0, 1], times: 3000, once: 0 }] }, /a path of 6000 layers: expected 1 to 4096/],
      [{ path: [{ loop: [0, 1], times: 2, once: NaN }] }, /single visit of NaN, expected 0 to 1/],
      [{ path: "0,0", attention: [1] }, /Cannot drop attention 1: the path leaves its layer out/],
      [{ path: "0", mlp: [1] }, /Cannot drop mlp 1: the path leaves its layer out/],
      [
        { path: "0,1,0", changes: [{ layer: 1, module: "mlp", to: "nothing", visit: 1 }] },
        /Cannot drop mlp 1: visit 1 is not one of its 1/,
      ],
      [
        { path: "0,1,0", mlp: [0], changes: [{ layer: 0, module: "mlp", to: "nothing", visit: 1 }] },
        /Cannot drop mlp 0: it is listed twice/,
      ],
    ];
    for (const [lists, message] of refused) {
      assert.throws(() => dropPlan(spec, lists), { name: "RangeError", message });
    }
  }));

Deno.test("a probe, which counts layers, does not see a path; a draft takes the model's own", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const plan = dropPlan(model.spec, { path: "0,1,0" });
    const seen = forward({ model, engine, segments: segmentsOf(blocks), plans: [plan], probes: [{}] });
    await assert.rejects(seen, /Cannot observe .* on a path/);
  }));
