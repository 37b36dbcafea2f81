/**
 * Changed modules beside Hugging Face's own code with the same change (fixtures/make_changes.py): all plans in one trie, and token by
 * token. A logit moves by the relative error of the normed state at most (`stateTolerance`), times the largest logit, and −ln p by
 * twice that.
 */
import assert from "node:assert/strict";
import type { Model } from "core/models/mod.ts";
import { type Change, type DropPlan, planHash, planOf } from "core/measure/mod.ts";
import { cost, dropPlan, forward, keepTensors, noDrop, score, segmentsOf } from "core/run/mod.ts";
import { countModules } from "core/run/plan/trie.ts";
import type { Segment } from "core/run/segments.ts";
import { float32 } from "core/tensor/mod.ts";
import { distance, largest, stateTolerance, withFixture } from "../../model.ts";
import { byTurns, engine, everyThird, refuses } from "../../support.ts";
import { type Cases, expectLosses, finalStreams, silenced, stepLogits, withCases } from "./states.ts";

const folder = new URL("../../fixtures/changes/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(".safetensors", "")).sort();

/** The cases of make_changes.py: modules with a mean in their place, and heads without a part of the output projection, by layer. */
type Case = { attention: number[]; mlp: number[]; heads: [layer: number, cut: number[]][] };
const CASES: Record<string, Case> = {
  mean: { attention: [1], mlp: [2], heads: [] },
  block: { attention: [1, 2], mlp: [1], heads: [] },
  heads: { attention: [], mlp: [], heads: [[0, [1]], [1, [0, 2, 3]]] },
  both: { attention: [2], mlp: [0], heads: [[1, [2, 3]]] },
};
const TWO_HEADS: Record<string, [number, number[]][]> = { heads: [[0, [1]], [1, [0]]], both: [[1, [1]]] };

/** The plan of a case; the means are PyTorch's. */
async function planFor(model: Model, tensors: Cases["tensors"], name: string): Promise<DropPlan> {
  const { spec } = model;
  const { attention, mlp, heads } = CASES[name];
  const mean = (module: Change["module"]) => (layer: number): Change => {
    const data = tensors.get(`mean.${module}.${layer}`)!.data as Float32Array;
    const own = new Map([["mean", float32([data.length], data)]]);
    return { layer, module, to: "mean", tensors: keepTensors(own) };
  };
  const first = spec.layers[0].attention as { readonly heads: number };
  const cut = first.heads > 2 ? heads : TWO_HEADS[name] ?? [];
  const without = await Promise.all(cut.map(([layer, heads]) => silenced(model, layer, heads)));
  return dropPlan(spec, {
    changes: [...attention.map(mean("attention")), ...mlp.map(mean("mlp")), ...without],
  });
}

const withChanges = (name: string, use: (opened: Cases) => Promise<void> | void): Promise<void> =>
  withCases(folder, name, Object.keys(CASES), planFor, use);

for (const [i, name] of names.entries()) {
  Deno.test(`${name}: changed modules give PyTorch's losses, all plans in one trie`, () =>
    withChanges(name, async ({ model, tensors, plans }) => {
      const ids = tensors.get("ids")!.data as Int32Array;
      const segments = segmentsOf({ ids, samples: 1, length: ids.length });
      const before = engine.live;
      const scores = await score({ model, engine, segments, plans: [noDrop, ...Object.values(plans)] });
      assert.equal(engine.live, before);
      expectLosses(model, ids, tensors, scores, plans);
    }));

  const what = `${name}: changed modules give PyTorch's logits token by token, weights kept and leased`;
  everyThird(i)(what, () =>
    withChanges(name, async ({ model, tensors, plans }) => {
      const ids = tensors.get("ids")!.data as Int32Array;
      for (const [p, [key, plan]] of Object.entries(plans).entries()) {
        const expected = tensors.get(`logits.${key}`)!.data as Float32Array;
        const most = stateTolerance(model.spec) * largest(expected);
        const words = expected.length / ids.length;
        for (const budget of byTurns([undefined, 0], p + i)) {
          for (const [i, row] of (await stepLogits({ model, plan, budget }, ids, 6)).entries()) {
            const error = distance(row, expected.subarray((5 + i) * words, (6 + i) * words));
            assert.ok(error <= most, `${key}, token ${5 + i}: off by ${error}, at most ${most}`);
          }
        }
      }
    }));
}

Deno.test("a plan runs as if alone, whatever other plans change", () =>
  withChanges("llama", async ({ model, plans }) => {
    const blocks = { ids: Int32Array.from({ length: 16 }, (_, i) => 3 + i % 7), samples: 2, length: 8 };
    const dropped = dropPlan(model.spec, { attention: [1], mlp: [2] });
    const all = [noDrop, dropped, ...Object.values(plans)];
    const done: number[] = [];
    const run = { model, engine, segments: segmentsOf(blocks), plans: all };
    const count = await forward({ ...run, onProgress: (_, total) => void done.push(total) });
    assert.deepEqual(done, Array(count).fill(count));
    assert.equal(cost(model.spec, all, blocks, false).modules, count);
    const together = await finalStreams(model, blocks, all);
    for (const [i, plan] of all.entries()) {
      assert.deepEqual([together[i]], await finalStreams(model, blocks, [plan]));
    }
  }));

Deno.test("segments that continue one text give the streams of the whole text under a change", () =>
  withChanges("llama", async ({ model, tensors, plans }) => {
    const ids = tensors.get("ids")!.data as Int32Array;
    const whole: Segment[] = [{ ids, past: null }];
    const parts: Segment[] = [{ ids: ids.subarray(0, 9), past: null }, { ids: ids.subarray(9), past: 0 }];
    const all = Object.values(plans);
    const [one, two] = await Promise.all(
      [whole, parts].map((segments) => score({ model, engine, segments, plans: all })),
    );
    for (const [i, scores] of one.entries()) {
      // The first token of a continuation is scored by neither of its parts.
      assert.ok(two[i][0].nll + two[i][1].nll < scores[0].nll);
      assert.ok(Number.isFinite(two[i][1].nll));
    }
  }));

Deno.test("a mean runs no module; plans share a module where its variant is the same", () =>
  withChanges("llama", ({ model: { spec: { layers } }, plans }) => {
    const full = 2 * layers.length;
    assert.equal(countModules(layers, [plans.mean]), full - 2);
    assert.equal(countModules(layers, [plans.heads]), full);
    assert.equal(countModules(layers, [plans.heads, plans.heads]), full);
    assert.equal(countModules(layers, [plans.both, planOf([])]), 2 * full - 3); // the first attention is shared
  }));

Deno.test("the normal form: drops in lists, changes by layer, attention first", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const mean = keepTensors(new Map([["mean", float32([32], new Float32Array(32))]]));
    const changes: Change[] = [
      { layer: 2, module: "mlp", to: "mean", tensors: mean },
      { layer: 2, module: "attention", to: "weights", tensors: mean },
      { layer: 1, module: "attention", to: "nothing" },
      { layer: 0, module: "mlp", to: "mean", tensors: mean },
    ];
    const plan = dropPlan(spec, { attention: [0], changes });
    const left = [changes[3], changes[1], changes[0]];
    assert.deepEqual(plan, { attention: [0, 1], mlp: [], changes: left });
    const other = dropPlan(spec, { attention: [1, 0], changes: left.toReversed() });
    assert.equal(planHash(plan), planHash(other));
    assert.notEqual(planHash(plan), planHash(dropPlan(spec, { attention: [0, 1] })));
    assert.deepEqual(dropPlan(spec, { attention: [1], changes: [] }), { attention: [1], mlp: [] });
    const weights = (layer: number) => ({ layer, module: "attention", to: "weights", tensors: mean });
    const mlp = (to: string, tensors?: string) => [{ layer: 1, module: "mlp", to, tensors }];
    return refuses(
      "Cannot ",
      (own: object[]) => dropPlan(spec, { attention: [0], changes: own as Change[] }),
      [
        [[weights(3)], "change attention 3: expected a layer from 0 to 2"],
        [[weights(0)], "change attention 0: it is changed twice"],
        [[weights(1), weights(1)], "attention 1: it is changed twice"],
        [mlp("rotated"), 'to is "rotated", expected one of nothing, mean, linear, weights'],
        [mlp("linear"), "mlp 1: tensors is missing, expected a SHA-256"],
        [mlp("weights"), "mlp 1: tensors is missing, expected a SHA-256"],
        [mlp("weights", "x"), "tensors is x, expected a SHA-256"],
      ],
    );
  }));

Deno.test("a mean may take the place of linear attention", () =>
  withFixture("qwen3-next", async ({ model }) => {
    const { spec } = model;
    const layer = spec.layers.findIndex(({ attention }) => attention && !("heads" in attention));
    const vector = float32([spec.hidden], new Float32Array(spec.hidden));
    const tensors = keepTensors(new Map([["mean", vector]]));
    const mean = dropPlan(spec, { changes: [{ layer, module: "attention", to: "mean", tensors }] });
    const dropped = dropPlan(spec, { attention: [layer] });
    const blocks = { ids: Int32Array.from({ length: 8 }, (_, i) => 3 + i), samples: 1, length: 8 };
    const [zero, none] = await finalStreams(model, blocks, [mean, dropped]);
    assert.equal(distance(zero, none), 0);
  }));

Deno.test("a mean of another size, one that nobody read, and numbers that cannot be are refused by name", () =>
  withFixture("llama", ({ model }) => {
    const of = (...numbers: number[]) =>
      keepTensors(new Map([["mean", float32([numbers.length], Float32Array.from(numbers))]]));
    const blocks = { ids: Int32Array.of(3, 4), samples: 1, length: 2 };
    const run = (tensors: () => string) => {
      const changes: Change[] = [{ layer: 1, module: "mlp", to: "mean", tensors: tensors() }];
      return finalStreams(model, blocks, [dropPlan(model.spec, { changes })]);
    };
    return refuses("RangeError: Cannot ", run, [
      [() => of(...Array(8).fill(0)), "layers.1.mlp.mean has shape [8], expected [32]"],
      [() => "0".repeat(64), /mlp 1 as mean: its tensors .* were not read/, "Error"],
      [() => of(...Array(32).fill(1e30)), /layer 1, MLP produces .* 1e\+30 in layers\.1\.mlp\.mean/],
      [() => of(1, NaN), "tensor mean: it holds NaN"],
    ]);
  }));
