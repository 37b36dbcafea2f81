/** Walks: streams as `forward` gives them, and nothing that stays on the engine, however they end. */
import assert from "node:assert/strict";
import type { Model } from "core/models/mod.ts";
import { type DropPlan, noDrop, segmentsOf } from "core/run/mod.ts";
import { openWalk, type Stream } from "core/run/repair/mod.ts";
import { distance, withFixture } from "../../../model.ts";
import { engine, randomBlocks } from "../../../support.ts";
import { finalStreams } from "../states.ts";

const blocks = randomBlocks(2, 1030, 64); // more than a batch
const walkOf = (model: Model, signal?: AbortSignal) =>
  openWalk({ model, engine, segments: segmentsOf(blocks), signal }, 2);
type Walk = Awaited<ReturnType<typeof walkOf>>;
const drops: DropPlan = { attention: [1], mlp: [0, 2] };

async function numbers(stream: Stream): Promise<number[]> {
  const all: number[] = [];
  for (const held of stream) all.push(...(await engine.read(held)).data as Float32Array);
  return all;
}

for (const name of ["llama", "cohere2", "qwen2-moe"]) {
  Deno.test(`${name}: a walk's streams are those of forward, each under its plan`, () =>
    withFixture(name, async ({ model }) => {
      const before = engine.live;
      const walk = await walkOf(model);
      for (let l = 0; l < model.spec.layers.length; l++) {
        const withoutMlp = [0, 1].map((from) => ({ plan: { attention: [], mlp: [l] }, from }));
        await walk.through(l, [...withoutMlp, { plan: drops, from: 1 }], (streams) => {
          assert.equal(streams.length, 3);
          return Promise.resolve();
        });
        await walk.pass(l, [noDrop, drops]);
      }
      assert.ok(walk.batches.length > 1);
      const expected = await finalStreams(model, blocks, [noDrop, drops]);
      for (const [i, stream] of walk.streams.entries()) {
        assert.equal(distance(await numbers(stream), expected[i]), 0);
      }
      walk.close();
      assert.equal(engine.live, before);
    }));
}

Deno.test("a walk leaves nothing on the engine after an error of its user, of a weight and an abort", () =>
  withFixture("llama", async ({ model }) => {
    const before = engine.live;
    const fails = async (walk: Walk, run: () => Promise<unknown>, error: RegExp) => {
      await assert.rejects(run, error);
      walk.close();
      assert.equal(engine.live, before);
    };
    const walk = await walkOf(model);
    const both = [{ plan: drops, from: 0 }, { plan: noDrop, from: 1 }];
    await fails(walk, () => walk.through(0, both, () => Promise.reject(new Error("odd"))), /odd/);

    for (const failing of [0, 1, 2]) {
      const { weights } = model;
      const lacks = (l: number) => l === failing && Promise.reject(new Error("no weight"));
      const part: typeof weights.part = (l, cuts) => lacks(l) || weights.part(l, cuts);
      const layer: typeof weights.layer = (l) => lacks(l) || weights.layer(l);
      const broken = await walkOf({ ...model, weights: { ...weights, part, layer } });
      await fails(broken, async () => {
        for (let l = 0; l < 3; l++) await broken.pass(l, [noDrop, drops]);
      }, /no weight/);
    }

    const controller = new AbortController();
    const aborted = await walkOf(model, controller.signal);
    await aborted.pass(0, [noDrop, drops]);
    controller.abort();
    await fails(aborted, () => aborted.pass(1, [noDrop, drops]), /AbortError/);
    await assert.rejects(walkOf(model, AbortSignal.abort()), { name: "AbortError" });
    assert.equal(engine.live, before);
  }));
