/** Texts that share what they begin with give the numbers that each would give alone. */
import assert from "node:assert/strict";
import { type Engine, webgpuEngine } from "core/engine/mod.ts";
import type { Model } from "core/models/mod.ts";
import { type DropPlan, forward, noDrop, openScorer, reference, score, type Segment } from "core/run/mod.ts";
import { distance, engineWith, expectNear, largest, stateTolerance, withFixture } from "../../model.ts";
import { engine, isThorough, randomBlocks, refuses, thorough } from "../../support.ts";
import { unless, words } from "../../tools.ts";
import { pathTo, segmentStreams } from "./states.ts";

/** What runs attention with a mask; in words, why it does not run here. */
const engines: Record<string, Engine | string> = {
  "standard": engine,
  "decomposed": engineWith({ attention: "decomposed", masked: "decomposed" }),
  "WebGPU's": await webgpuEngine().catch((error: Error) => error.message),
};
const fewOnWebGpu = ["llama", "gemma2"]; // web_executor.ts has a text, its continuation and a tree in `test`

/** A text, its continuation, a tree after both, two texts in one segment, and a text by itself. */
function family(ids: Int32Array): Segment[] {
  return [
    { ids: ids.subarray(0, 13), past: null },
    { ids: ids.subarray(13, 18), past: 0 },
    { ids: ids.subarray(18, 25), past: 1, parents: Int32Array.of(-1, 0, 0, 2, 1, 4, -1) },
    { ids: ids.subarray(25, 32), past: 1, parents: Int32Array.of(-1, -1, -1, 2, 3, 4, 5) },
    { ids: ids.subarray(32, 40), past: null, parents: Int32Array.of(-1, 0, 1, 2, -1, 4, 5, 5) },
    { ids: ids.subarray(40, 57), past: null },
    { ids: ids.subarray(57, 60), past: 0 },
  ];
}

const families = words`llama gemma2 gemma3 qwen2-window neox-parallel olmo2 llama-rope-yarn`;

const TWO_PLANS = [noDrop, { attention: [1], mlp: [0] }];

/** The stream of each fifth token of the segments, in `test:all` of each third, as the last of a text by itself, by plan. */
async function alone(model: Model, segments: readonly Segment[]) {
  const places = segments.flatMap(({ ids }, index) =>
    [...ids.keys()].filter((token) => token % (isThorough ? 3 : 5) === 0).map((token) => ({ index, token }))
  );
  const texts = places.map(({ index, token }) => (
    { ids: Int32Array.from(pathTo(segments, index, token)), past: null }
  ));
  const streams = await segmentStreams(model, texts, TWO_PLANS);
  return places.map((place, i) => (
    { ...place, rows: streams.map((texts) => texts[i].subarray(-model.spec.hidden)) }
  ));
}

for (const name of families) {
  let expected: ReturnType<typeof alone> | undefined; // of all ways
  for (const [way, on] of Object.entries(engines)) {
    if (way === "WebGPU's" && !fewOnWebGpu.includes(name)) continue;
    const title = `${name}: tokens of segments are as at the end of their texts, by ${way} attention`;
    if (typeof on === "string") {
      unless(on)(title, () => {});
      continue;
    }
    const test = way === "WebGPU's" ? thorough : Deno.test; // a device that the CPU plays is slow
    test(title, () =>
      withFixture(name, async ({ model }) => {
        const { ids } = randomBlocks(1, 60, model.spec.vocabulary);
        const segments = family(ids);
        const together = await segmentStreams(model, segments, TWO_PLANS, undefined, on);
        for (const { index, token, rows } of await (expected ??= alone(model, segments))) {
          for (const [plan, row] of rows.entries()) {
            const { length } = row;
            const found = together[plan][index].subarray(token * length, (token + 1) * length);
            // The same products in another order: float32's error, as between batches of other sizes.
            expectNear(model.spec, found, row, `segment ${index} token ${token} plan ${plan}`);
          }
        }
        assert.equal(on.live, 0);
      }));
  }
}

Deno.test("segments are rotated by their own positions where a text is as long as their index", () =>
  withFixture("llama", async ({ model }) => {
    const { ids } = randomBlocks(1, 9, model.spec.vocabulary);
    const segments: Segment[] = [
      { ids: ids.subarray(0, 3), past: null },
      { ids: ids.subarray(3, 4), past: 0 },
      { ids: ids.subarray(4, 9), past: 0 },
      { ids: ids.subarray(3, 5), past: 0 },
    ];
    const [parts] = await segmentStreams(model, segments, [noDrop]);
    const [[whole]] = await segmentStreams(model, [{ ids: ids.subarray(0, 5), past: null }], [noDrop]);
    const last = 2 * model.spec.hidden;
    assert.ok(distance(parts[3], whole.subarray(-last)) <= stateTolerance(model.spec) * largest(whole));
  }));

Deno.test("a budget splits segments into groups, each with what it continues, and changes no bit", () =>
  withFixture("gemma3", async ({ model }) => {
    const segments = family(randomBlocks(1, 60, model.spec.vocabulary).ids);
    const seen: number[][] = [];
    await forward({
      model,
      engine,
      segments,
      plans: [noDrop],
      budget: 1,
      finish(_, batches) {
        seen.push(batches.map(({ first }) => first));
        return [];
      },
    });
    assert.deepEqual(seen, [[0], [0, 1], [0, 1, 2], [4], [5], [0, 6]]);
    const [grouped, together] = await Promise.all(
      [1, undefined].map((budget) => segmentStreams(model, segments, [noDrop], budget)),
    );
    assert.deepEqual(grouped, together);
  }));

Deno.test("several tokens of a row score as each would in a text of its own", () =>
  withFixture("llama", async ({ model }) => {
    const { ids } = randomBlocks(1, 12, model.spec.vocabulary);
    const context = ids.subarray(0, 9);
    const choices = [...ids.subarray(9)];
    const plan = { attention: [0], mlp: [1] };
    // Each choice as the last token of a text: the sums of the text with it less those of the text without.
    const texts = choices.map((id) => ({ ids: Int32Array.of(...context, id), past: null }));
    const full = await reference({ model, engine, segments: texts });
    const [sums] = await score({ model, engine, segments: texts, plans: [plan], reference: full });
    const shorter = [{ ids: context, past: null }];
    const base = await reference({ model, engine, segments: shorter });
    const [[before]] = await score({ model, engine, segments: shorter, plans: [plan], reference: base });
    const scorer = await openScorer(model, engine);
    const streams: Awaited<ReturnType<typeof engine.upload>>[] = [];
    await forward({
      model,
      engine,
      segments: shorter,
      plans: [noDrop, plan],
      finish(states) {
        for (const index of [0, 1]) {
          streams[index] = states.find(({ plans }) => plans.includes(index))!.batches[0];
        }
        return states;
      },
    });
    // A row that predicts one token, and one that predicts three.
    const [rows, of] = [Int32Array.of(3, 8), Int32Array.of(0, 1, 1, 1)];
    const targets = { rows, tokens: Int32Array.of(context[4], ...choices), of };
    const [, scores] = await scorer.score(streams.map((stream) => [stream]), [targets], true);
    streams.forEach((stream) => stream.free());
    await scorer.release();
    choices.forEach((_, i) => {
      const expected = sums[i].nll - before.nll;
      // Sums of nine float32 logits' logarithms, each good to 1e-6 of at most 10 nats.
      assert.ok(Math.abs(scores.nll[i + 1] - expected) < 1e-4, `${scores.nll[i + 1]} for ${expected}`);
      assert.ok(Math.abs(scores.kl[1] - (sums[i].kl - before.kl)) < 1e-4);
    });
    const alone = await scorerOf(model, context, context[4], plan);
    assert.ok(Math.abs(scores.nll[0] - alone) < 1e-5, `${scores.nll[0]} for ${alone}`);
    assert.ok(scores.best.reduce((a, b) => a + b, 0) <= 2, "a row has one most probable token");
    full.free();
    base.free();
    assert.equal(engine.live, 0);
  }));

/** −ln p of a token at row 3 under a plan, from a text that ends there. */
async function scorerOf(model: Model, context: Int32Array, token: number, plan: DropPlan): Promise<number> {
  const nll = async (ids: number[]) => {
    const segments = [{ ids: Int32Array.from(ids), past: null }];
    const full = await reference({ model, engine, segments });
    const [[sums]] = await score({ model, engine, segments, plans: [plan], reference: full });
    full.free();
    return sums.nll;
  };
  const start = [...context.subarray(0, 4)];
  return await nll([...start, token]) - await nll(start);
}

const part = (ids: number[], past: number | null = null, parents?: number[]): Segment => (
  { ids: Int32Array.from(ids), past, ...parents && { parents: Int32Array.from(parents) } }
);

Deno.test("segments that cannot be run are refused", () =>
  withFixture("llama", async ({ model }) => {
    const run = (segments: Segment[]) => forward({ model, engine, segments, plans: [noDrop] });
    await refuses("Cannot ", run, [
      [[part([])], "segment 0: it has no tokens"],
      [[part([1], 0)], "segment 0: it continues segment 0"],
      [[part([1, 2], null, [-1, -1]), part([1], 0)], "segment 1: it continues segment 0, which is a tree"],
      [[part([1, 2], null, [-1])], "segment 0: it has 1 parents for 2 tokens"],
      [[part([1, 2], null, [1, -1])], "token 0 has token 1 as parent, expected an earlier token"],
      [[part([1, 2], null, [-1, -2])], "token 1 has token -2 as parent, expected an earlier token"],
    ]);
    assert.equal(engine.live, 0);
  }));

Deno.test("a past is not shared where rotations depend on how long a text becomes", () =>
  withFixture("llama-rope-dynamic", async ({ model }) => {
    const segments = family(randomBlocks(1, 60, model.spec.vocabulary).ids);
    const run = forward({ model, engine, segments, plans: [noDrop] });
    await assert.rejects(run, /Cannot share a past of 18 tokens: expected at most 16 with dynamic rotations/);
    assert.equal(engine.live, 0);
  }));
