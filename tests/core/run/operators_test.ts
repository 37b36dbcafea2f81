/** The graphs that a run compiles, each kind once, with what the run adds to those of `models`: probes, the head, a decoder. */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import {
  embeddingSmoothing,
  forward,
  gramProbe,
  noDrop,
  normsProbe,
  reference,
  score,
  segmentsOf,
  smoothingProbe,
} from "core/run/mod.ts";
import { everywhere, protoOf } from "../onnx/read.ts";
import { withFixture } from "../../model.ts";
import { engine, watchedEngine } from "../../support.ts";
import { words } from "../../tools.ts";
import { stepLogits } from "./states.ts";

/** What only the CPU's lowering of attention needs (models/lowering_test.ts checks the others). */
const lowered = ["GroupQueryAttention"];

Deno.test("runs, probes, the head and a decoder use what every engine has", () =>
  withFixture("gemma2", async ({ model, blocks }) => {
    const used = new Set<string>();
    const recording = watchedEngine({
      onCompile: (graph) => protoOf(graph).node.forEach(({ opType }) => used.add(opType!)),
    });
    const { layers } = model.spec;
    const plans = [noDrop, { attention: [1], mlp: [] }];
    const full = await reference({ model, engine: recording, segments: segmentsOf(blocks) });
    const smoothing = smoothingProbe(layers, blocks.length, plans.length);
    const probes = [gramProbe(layers), smoothing, normsProbe(layers.length)];
    await score({ model, engine: recording, segments: segmentsOf(blocks), plans, reference: full, probes });
    full.free();
    await embeddingSmoothing(model, recording, blocks);
    await stepLogits({ model, engine: recording }, blocks.ids.subarray(0, 5), 4);
    assert.deepEqual([...used.difference(everywhere.union(new Set(lowered)))], []);
    const met = words`ArgMax LpNormalization ReduceSumSquare GroupQueryAttention Softmax`;
    for (const operator of met) assert.ok(used.has(operator), operator);
  }));

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
    await stepLogits({ model, engine: on }, ids.subarray(0, 5), 4);
    assert.equal(counts.looks, 1);
  }));
