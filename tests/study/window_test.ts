/** Studies under plans that keep attention to windows: texts within the windows change nothing, others do, in every study. */
import assert from "node:assert/strict";
import { type Change, noDrop, planHash } from "../../src/measure/mod.ts";
import { scoring } from "../../src/models/mod.ts";
import { keepTensors } from "../../src/run/mod.ts";
import {
  evaluate,
  generate,
  losses,
  makePlan,
  observe,
  perplexities,
  profile,
  readPlan,
  repair,
  speed,
  writePlan,
} from "../../src/study/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { unjudged, withTiny } from "./tiny.ts";

const windows = (keys: number, sinks: number, layers = 3) =>
  Array.from(
    { length: layers },
    (_, layer): Change => ({ layer, module: "attention", to: "window", keys, sinks }),
  );

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

    const texts = await generate(model, "the quick", { engine: "cpu", tokens: 6, plans });
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

    const timing = {
      plans: plans.slice(1),
      batch: [1],
      context: [8],
      new: 1,
      repeat: 1,
      engine: "cpu",
    } as const;
    const { plans: timed } = await speed(model, timing);
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
    for (const keys of [0, -1, 1.5, NaN, 2 ** 53]) {
      const changes = [{ ...windows(1, 1)[1], keys }] as Change[];
      await assert.rejects(perplexities(model, [{ changes }], options), /plans\[0\]\.changes\[0\]\.keys/);
    }
  }));
