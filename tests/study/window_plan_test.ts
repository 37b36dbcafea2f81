/** Windows of attention: plans that make them, what they save and how they are shown; every study under them; refits of what writes behind them. */
import assert from "node:assert/strict";
import { type Change, type DropPlan, everyChange, noDrop, planHash } from "../../src/measure/mod.ts";
import { scoring } from "../../src/models/mod.ts";
import type { Plan } from "../../src/result/mod.ts";
import { tableText } from "../../src/show/mod.ts";
import {
  evaluate,
  generate,
  losses,
  makePlan,
  observe,
  order,
  perplexities,
  type PlanOptions,
  profile,
  readPlan,
  repair,
  speed,
  writePlan,
} from "../../src/study/mod.ts";
import { keepTensors, tensorsOf } from "../../src/run/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { windowOf } from "../run/window/windows.ts";
import { unjudged, withTiny } from "./tiny.ts";

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
    for (const [window, sinks] of [[2, 4], [2, 5], [6, 0], [6, 4], [9, 0]]) { // the model's own: 7
      const drop = able(window + sinks).length;
      const plan = makePlan(ordered, { drop, window, sinks });
      assert.deepEqual(plan.changes?.map(({ layer }) => layer), able(window + sinks));
      assert.throws(() => makePlan(ordered, { drop: drop + 1, window, sinks }), {
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
  }, "qwen3-next"));

Deno.test("windows that a plan cannot have are refused", () =>
  withTiny(async ({ model, options }) => {
    const measured = await profile(model, options);
    const refused = (options: PlanOptions, message: string) =>
      assert.throws(() => makePlan(measured, options), { message: `Cannot make a plan${message}` });
    const target = "attention";
    for (const target of ["mlp", "block", "joint"] as const) {
      refused({ target, drop: 1, window: 4 }, ` of windows: target is ${target}, expected attention`);
    }
    assert.deepEqual(makePlan(measured, { target, drop: 0, window: 4 }).changes ?? [], []);
    assert.equal(makePlan(measured, { target, drop: 1, window: 4, sinks: 300 }).changes!.length, 1);
  }));

const windows = (keys: number, sinks: number) => [0, 1, 2].map((layer) => windowOf(layer, keys, sinks));

Deno.test("every study takes a plan of windows, and one that covers the text changes nothing", () =>
  withTiny(async ({ model, options }) => {
    const [narrow, wide, bare] = [windows(3, 1), windows(1024, 1), windows(3, 0)].map((changes) => (
      { attention: [], mlp: [], changes }
    ));
    const plans = [noDrop, narrow, wide, bare];
    const first = await perplexities(model, plans, options);
    assert.equal(first[2].nll, first[0].nll);
    assert.equal(first[2].kl, 0);
    assert.equal(new Set(first.map(({ nll }) => nll)).size, 3);
    let said = "";
    assert.deepEqual(
      await perplexities(model, plans, { ...options, onNotice: (line) => said += line }),
      first,
    );
    assert.match(said, /4 results reused from an earlier run/);

    const texts = await generate(model, plans, "the quick", { engine: "cpu", tokens: 6 });
    assert.equal(texts[2].text, texts[0].text);
    const asked = { tasks: ["openbookqa"], limit: 2, prompts: 1, engine: "cpu" } as const;
    const scores = (await evaluate(model, plans, asked))
      .map(({ tasks }) => tasks.openbookqa.items.map(({ loglikelihoods }) => loglikelihoods));
    assert.deepEqual(scores[2], scores[0]);
    assert.equal(new Set(scores.map((items) => items[0][0])).size, 3);

    const ids = Array.from({ length: 16 }, (_, i) => 3 + i);
    const [full, found] = await Promise.all(
      [noDrop, narrow].map((drop) => losses(model, ids, { engine: "cpu", drop })),
    );
    // Three keys and the first are all keys of the first four tokens; the sums are in another order.
    const moved = Array.from(full, (loss, i) => Math.abs(found[i] - loss) > 1e-5 * loss);
    assert.equal(moved.indexOf(true), 4);

    const timing = { batch: [1], context: [8], new: 1, repeat: 1, engine: "cpu" } as const;
    const { plans: timed } = await speed(model, plans.slice(1), timing);
    assert.deepEqual(timed.map(({ drop }) => planHash(drop)), plans.map((plan) => planHash(plan)));

    const own = await profile(model, { ...options, drop: narrow });
    assert.ok(own.attention.importance.every((value) => value! > 0));
    const { results: _, ...text } = options;
    const seen = new Set<number>();
    await observe(model, ({ attention }) => {
      for (const { query, data, shape: [heads, keys] } of attention) {
        for (let head = 0; head < heads; head++) {
          seen.add(data.subarray(head * keys, (head + 1) * keys).filter((share) => share > 0).length);
          if (query > 0) assert.equal(data[head * keys + 1] > 0, query < 4, `query ${query}`);
        }
      }
    }, { ...text, values: ["attention"], samples: 1, drop: narrow });
    assert.deepEqual([...seen], [1, 2, 3, 4]);
  }));

Deno.test("a plan of windows is read as it was written, with another output projection beside it", () =>
  withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const { hidden, layers } = model.spec;
    const { heads, headSize } = scoring(layers[1].attention)!;
    const shape = [hidden, heads * headSize];
    const refit = (shape: number[]) => {
      const weight = float32(shape, Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i % 7 / 50));
      return keepTensors(new Map([["o_proj.weight", weight]]));
    };
    const dropped = makePlan(await profile(model, options), { target: "mlp", drop: 1 });
    const change: Change = { ...windows(3, 1)[1], tensors: refit(shape) } as Change;
    const plan = { ...dropped, changes: [change] };
    await writePlan(`${folder}/plan.json`, plan);
    assert.deepEqual(await readPlan(`${folder}/plan.json`), plan);
    const [refitted, plain] = await perplexities(
      model,
      [plan, { ...plan, changes: [windows(3, 1)[1]] }],
      options,
    );
    assert.notEqual(refitted.nll, plain.nll);
    const repaired = await repair(model, plan, { ...options, ...unjudged }); // the window stays
    assert.deepEqual(repaired.changes!.filter(({ to }) => to === "window"), [change]);
    const wrong = { ...plan, changes: [{ ...change, tensors: refit([hidden, 8]) } as Change] };
    await assert.rejects(
      perplexities(model, [wrong], options),
      /attention 1 as window: tensor layers\.1\.attention\.o_proj\.weight has shape \[32,8\], expected \[32,32\]/,
    );
  }));

/** 256 tokens: eight times the 32 numbers that enter a projection. */
const many = { ...unjudged, by: "refit" } as const;

Deno.test("a window of the whole text leaves nothing to make up for, and its projection as it was", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plan: DropPlan = { attention: [], mlp: [], changes: [windowOf(1, 256, 0)] };
    const [change] = everyChange(await repair(model, plan, { ...options, ...many }));
    const { tensors, release } = await model.weights.part(1, new Map([["attention.o_proj.weight", null]]));
    const stored = tensors.get("attention.o_proj.weight")!.data as Float32Array;
    const own = tensorsOf(change).get("o_proj.weight")!.data as Float32Array;
    own.forEach((value, i) => assert.ok(Math.abs(value - stored[i]) < 1e-7)); // targets are zeros
    release();
  }));

for (const sequential of [false, true]) {
  const how = sequential ? "in sequence" : "on the full model's stream";
  Deno.test(`a refit of windows ${how} keeps keys and sinks, brings tensors, and runs`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const plan: DropPlan = { attention: [], mlp: [], changes: [windowOf(0, 2, 1), windowOf(2, 3, 0)] };
      const repaired = await repair(model, plan, { ...options, ...many, sequential });
      const changes = everyChange(repaired);
      assert.deepEqual(
        changes.map((change) => ({ ...change, tensors: undefined })),
        [windowOf(0, 2, 1), windowOf(2, 3, 0)].map((change) => ({ ...change, tensors: undefined })),
      );
      assert.deepEqual(changes.map((change) => [...tensorsOf(change).keys()]), [["o_proj.weight"], [
        "o_proj.weight",
      ]]);
      const [full, bare, refitted] = await perplexities(model, [{}, plan, repaired], {
        ...options,
        ...unjudged,
      });
      assert.equal(new Set([full.nll, bare.nll, refitted.nll]).size, 3);
      assert.ok(refitted.kl < bare.kl); // it is fitted on the same text, towards the full model
    }));
}

Deno.test("a plan of windows is repaired by refit alone, and not behind a norm", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plan: DropPlan = { attention: [], mlp: [], changes: [windowOf(1, 2, 0)] };
    await assert.rejects(
      repair(model, plan, { ...options, ...many, by: "linear" }),
      /the plan drops nothing, expected at least one dropped module/,
    );
    await withTiny(
      async ({ model }) => {
        await assert.rejects(
          repair(model, plan, { ...options, ...many }),
          /by refit: attention 1 has a norm behind it, expected an output projection that adds to the stream/,
        );
      },
      "gemma3",
    );
  }));
