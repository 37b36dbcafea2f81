/** Plans that make windows of attention: from profiles and orders, what they save, and how they are shown. */
import assert from "node:assert/strict";
import type { Change } from "../../src/measure/mod.ts";
import { scoring } from "../../src/models/mod.ts";
import type { Plan } from "../../src/result/mod.ts";
import { tableText } from "../../src/show/mod.ts";
import { makePlan, order, perplexities, type PlanOptions, profile, repair } from "../../src/study/mod.ts";
import { unjudged, withTiny } from "./tiny.ts";

const windowOf = (layer: number, keys: number, sinks: number): Change => (
  { layer, module: "attention", to: "window", keys, sinks }
);

Deno.test("windows take the layers that a drop would take, by a profile and by an order", () =>
  withTiny(async ({ model, options }) => {
    const measured = await profile(model, options);
    const ordered = await order(model, { ...options, target: "attention" });
    for (const from of [measured, ordered]) {
      const target = "attention";
      const dropped = makePlan(from, { target, drop: 2 });
      const plan = makePlan(from, { target, drop: 2, window: 4, sinks: 1 });
      assert.deepEqual(plan.order, dropped.order);
      assert.deepEqual([plan.attention, plan.mlp], [[], []]);
      assert.deepEqual(
        plan.changes,
        dropped.attention.toSorted((a, b) => a - b).map((l) => windowOf(l, 4, 1)),
      );
      const [full, windowed, bare] = await perplexities(model, [{}, plan, dropped], options);
      assert.equal(new Set([full.nll, windowed.nll, bare.nll]).size, 3);
    }
    const { changes } = makePlan(measured, { target: "attention", drop: 1, window: 4 });
    assert.equal((changes![0] as { sinks: number }).sinks, 4);
  }));

/** Bytes of keys and values that a layer of the fixture keeps of a token, in 16 bits. */
const perKey = (layer: Parameters<typeof scoring>[0]) => {
  const { kvHeads, headSize } = scoring(layer)!;
  return 2 * 2 * kvHeads * headSize;
};

Deno.test("a plan of windows says what it saves of a sequence, refitted or not", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const ordered = await order(model, { ...options, target: "attention" });
    const own = perKey(model.spec.layers[0].attention);
    const saves = (options: PlanOptions) => makePlan(ordered, options).saves!;
    for (const [context, keys, sinks] of [[8192, 64, 4], [100, 64, 4], [68, 64, 4], [3, 64, 4]]) {
      const { parameters, kvBytesPerToken, kvShare, kv } = saves({ drop: 2, window: keys, sinks, context });
      assert.deepEqual([parameters, kvBytesPerToken, kvShare], [0, 0, 0]);
      const bytes = 2 * own * Math.max(0, context - keys - sinks);
      assert.deepEqual(kv, { context, bytes, share: bytes / (3 * own * context) });
    }
    assert.deepEqual(saves({ drop: 2 }).kv, { context: 8192, bytes: 2 * own * 8192, share: 2 / 3 });
    const half = makePlan(ordered, { kvBytes: 0.5, window: 64, sinks: 4 });
    assert.equal(half.changes!.length, 2);
    const refitted = await repair(model, makePlan(ordered, { drop: 2, window: 4, sinks: 1 }), {
      ...options,
      ...unjudged,
      by: "refit",
    });
    assert.deepEqual(refitted.saves, saves({ drop: 2, window: 4, sinks: 1 }));
    assert.match(
      shown(refitted),
      /saves 0 parameters \(0.0 %\), [\d,]+ bytes of keys and values of 8,192 tokens/,
    );
    assert.match(shown(refitted), /windows for 2 of attention by importance/);
    assert.match(shown(refitted), /attention \d \d \(window of 4 keys and 1 sink, refitted\)/);
  }));

function shown(plan: Plan): string {
  return tableText([plan]);
}

Deno.test("only attention whose keys a window shortens becomes one", () =>
  withTiny(async ({ model, options }) => {
    const ordered = await order(model, { ...options, target: "attention" });
    const able = (keys: number) =>
      model.spec.layers.flatMap(({ attention }, layer) =>
        (scoring(attention)?.window ?? Infinity) > keys ? [layer] : []
      );
    for (const keys of [2, 6, 9]) {
      const drop = able(keys).length;
      const plan = makePlan(ordered, { drop, window: keys });
      assert.deepEqual(plan.changes?.map(({ layer }) => layer), able(keys));
      assert.throws(() => makePlan(ordered, { drop: drop + 1, window: keys }), {
        name: "RangeError",
        message: `Cannot make windows of ${
          drop + 1
        } attention modules: expected a whole number from 0 to ${drop}`,
      });
    }
  }, "gemma3"));

Deno.test("linear attention does not become a window", () =>
  withTiny(async ({ model, options }) => {
    const ordered = await order(model, { ...options, target: "attention" });
    const softmax = model.spec.layers.flatMap(({ attention }, layer) => scoring(attention) ? [layer] : []);
    const plan = makePlan(ordered, { drop: softmax.length, window: 4 });
    assert.deepEqual(plan.changes!.map(({ layer }) => layer), softmax);
    const measured = await profile(model, options);
    const all = { target: "attention", drop: model.spec.layers.length, window: 4 } as const;
    assert.throws(
      () => makePlan(measured, all),
      /Cannot make windows of \d attention modules: expected a whole number from 0 to 1$/,
    );
    const changes = model.spec.layers.map((_, layer) => (
      { layer, module: "attention", to: "window", keys: 4, sinks: 0 } as const
    ));
    await assert.rejects(
      perplexities(model, [{ changes }], options),
      /attention \d to a window: it is linear attention, expected softmax attention/,
    );
  }, "qwen3-next"));

Deno.test("windows that a plan cannot have are refused", () =>
  withTiny(async ({ model, options }) => {
    const measured = await profile(model, options);
    const refused = (options: PlanOptions, message: string) =>
      assert.throws(() => makePlan(measured, options), { message: `Cannot make a plan${message}` });
    const target = "attention";
    refused({ target, drop: 1, window: 0 }, ": window is 0, expected a whole number of at least 1");
    refused({ target, drop: 1, window: 1.5 }, ": window is 1.5, expected a whole number of at least 1");
    refused(
      { target, drop: 1, window: 4, sinks: -1 },
      ": sinks is -1, expected a whole number of at least 0",
    );
    refused(
      { target, drop: 1, sinks: 4 },
      ": found sinks without window, expected both",
    );
    for (const target of ["mlp", "block", "joint"] as const) {
      refused({ target, drop: 1, window: 4 }, ` of windows: target is ${target}, expected attention`);
    }
    assert.deepEqual(makePlan(measured, { target, drop: 0, window: 4 }).changes ?? [], []);
    assert.equal(makePlan(measured, { target, drop: 1, window: 4, sinks: 300 }).changes!.length, 1);
  }));
