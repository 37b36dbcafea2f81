/** A run builds each kind of graph once, and rarely looks up the free memory. */
import assert from "node:assert/strict";
import type { Engine } from "../../src/engine/mod.ts";
import { decoder, forward, noDrop, segmentsOf } from "../../src/run/mod.ts";
import { engine, withFixture } from "../support.ts";

/** The engine on a machine whose free memory changes by `step` bytes with each look at it; counts looks and compiled graphs. */
function counting(step: number) {
  const counts = { looks: 0, compiled: 0 };
  const has = Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(engine.has),
    memoryBytes: { enumerable: true, get: () => 2 ** 30 + step * ++counts.looks },
  });
  const compile: Engine["compile"] = (...args) => {
    counts.compiled++;
    return engine.compile(...args);
  };
  const on: Engine = Object.create(engine, { has: { value: has }, compile: { value: compile } });
  return { on, counts };
}

Deno.test("layers of one kind share their graphs within a pass while the free memory changes", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const [constant, changing] = [counting(0), counting(1)];
    for (const { on } of [constant, changing]) {
      await forward({ model, engine: on, segments: segmentsOf(blocks), plans: [noDrop] });
    }
    assert.equal(changing.counts.compiled, constant.counts.compiled);
    assert.equal(changing.counts.looks, 0);
  }));

Deno.test("a decoder looks up the free memory when it is opened and not again", () =>
  withFixture("llama", async ({ model, blocks: { ids } }) => {
    const { on, counts } = counting(1);
    const opened = await decoder({ model, engine: on });
    try {
      await opened.prefill([ids.subarray(0, 4)]);
      await opened.step([ids[4]]);
      assert.equal(counts.looks, 1);
    } finally {
      await opened.release();
    }
  }));
