/** How samples are ordered, batched and grouped changes nothing that is measured of them. */
import assert from "node:assert/strict";
import { mean } from "core/measure/mod.ts";
import { type Blocks, forward, type GramSums, noDrop, reference, score, segmentsOf } from "core/run/mod.ts";
import { freeStates } from "core/run/held.ts";
import { distance, gramSums, stateTolerance, withFixture } from "../../model.ts";
import { engine, randomBlocks } from "../../support.ts";
import { finalStreams } from "./states.ts";

const SAMPLES = 5;

/** Samples of blocks, in the given order. */
function take({ ids, length }: Blocks, samples: number[]): Blocks {
  const taken = samples.flatMap((sample) => [...ids.subarray(sample * length, (sample + 1) * length)]);
  return { ids: Int32Array.from(taken), samples: samples.length, length };
}

function means(sums: GramSums): number[] {
  return sums.flatMap((layer) =>
    Object.values(layer).flatMap((samples) =>
      (["distance", "magnitude", "sign"] as const).map((key) => mean(samples.map((s) => s[key] / s.counted)))
    )
  );
}

Deno.test("the order of samples changes no mean", () =>
  withFixture("llama", async ({ model }) => {
    const blocks = randomBlocks(SAMPLES, 8, model.spec.vocabulary);
    const inOrder = means(await gramSums(model, blocks));
    const shuffled = means(await gramSums(model, take(blocks, [3, 0, 4, 2, 1])));
    assert.equal(inOrder.length, 3 * 3 * model.spec.layers.length);
    // The same float64 numbers, added in another order.
    assert.ok(distance(inOrder, shuffled) <= 1e-12);
  }));

// 900 tokens: a batch has two samples at most, the last group one.
Deno.test("samples in groups that a small budget makes give the same bits as all at once", () =>
  withFixture("llama", async ({ model }) => {
    const blocks = randomBlocks(3, 900, model.spec.vocabulary);
    const plans = [noDrop, { attention: [1], mlp: [] }];
    let groups = 0;
    const run = { model, engine, segments: segmentsOf(blocks), plans };
    await forward({
      ...run,
      budget: 1,
      finish: (states, batches) => {
        groups++;
        freeStates(states);
        return Promise.resolve(assert.equal(batches.length, 1));
      },
    });
    assert.equal(groups, 2);
    assert.deepEqual(await finalStreams(model, blocks, plans, 1), await finalStreams(model, blocks, plans));
    assert.deepEqual(await gramSums(model, blocks, { budget: 1 }), await gramSums(model, blocks));
    const full = await reference({ model, engine, segments: segmentsOf(blocks) });
    const options = { ...run, reference: full };
    assert.deepEqual(await score({ ...options, budget: 1 }), await score(options));
    full.free();
  }));

for (const name of ["llama", "gemma3", "neox-parallel"]) {
  Deno.test(`${name}: samples run together are as each would be alone`, () =>
    withFixture(name, async ({ model }) => {
      const blocks = randomBlocks(SAMPLES, 8, model.spec.vocabulary);
      const [together] = await finalStreams(model, blocks, [noDrop]);
      const size = together.length / SAMPLES;
      for (let sample = 0; sample < SAMPLES; sample++) {
        const [alone] = await finalStreams(model, take(blocks, [sample]), [noDrop]);
        const error = distance(together.subarray(sample * size, (sample + 1) * size), alone);
        // A product may be cut into other blocks when it has other rows: float32's error, not more.
        const most = alone.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        assert.ok(error <= stateTolerance(model.spec) * most, `sample ${sample}: ${error}`);
      }
    }));
}

Deno.test("later tokens change nothing before them", () =>
  withFixture("mistral", async ({ model }) => {
    const blocks = randomBlocks(1, 12, model.spec.vocabulary);
    const changed = { ...blocks, ids: blocks.ids.with(9, (blocks.ids[9] + 1) % model.spec.vocabulary) };
    const [[before], [after]] = await Promise.all(
      [blocks, changed].map((blocks) => finalStreams(model, blocks, [noDrop])),
    );
    const start = 9 * model.spec.hidden;
    assert.deepEqual(before.subarray(0, start), after.subarray(0, start));
    assert.ok(distance(before.subarray(start), after.subarray(start)) > 0.1);
  }));
