/** A window of at least the text's length is the full model to the bit, whatever runs attention, token by token too. */
import assert from "node:assert/strict";
import { scoring } from "../../../src/models/mod.ts";
import { type DropPlan, dropPlan, noDrop, type Segment } from "../../../src/run/mod.ts";
import type { Engine } from "../../../src/engine/mod.ts";
import { byTurns, everyThird, thorough, withFixture } from "../../support.ts";
import { engines, windowOf } from "./windows.ts";
import { segmentStreams, stepLogits } from "../states.ts";

/** Families in which every way of attention is tried, and others. */
const EVERY_WAY = ["llama", "gemma3", "deepseek-v3", "gpt-oss"];
const FAMILIES = [...EVERY_WAY, "gemma2", "gpt2", "neox-parallel", "qwen3", "qwen3-next", "mixtral"];

for (const [n, name] of FAMILIES.entries()) {
  for (const [w, [way, { on, names = EVERY_WAY }]] of Object.entries(engines).entries()) {
    if (typeof on === "string" || way !== "the CPU's" && !names.includes(name)) continue;
    const test = way === "WebGPU's" ? thorough : everyThird(n + w); // a device that the CPU plays is slow
    test(
      `${name}: a window of the whole text gives the full model's numbers to the bit, by ${way} attention`,
      () =>
        withFixture(name, async ({ model, blocks }) => {
          const ids = blocks.ids.subarray(0, Math.min(blocks.length, 12));
          const { length } = ids;
          const layers = model.spec.layers.flatMap(({ attention }, l) => scoring(attention) ? [l] : []);
          const wide = (keys: number, sinks: number) =>
            dropPlan(model.spec, { changes: layers.map((layer) => windowOf(layer, keys, sinks)) });
          const parts = [{ ids: ids.subarray(0, 9), past: null }, { ids: ids.subarray(9), past: 0 }];
          const forks = layers.length === model.spec.layers.length; // linear attention continues no other text
          const segments: Segment[] = [...forks ? parts : [], { ids, past: null }];
          const steps = (plan: DropPlan) => stepLogits({ model, engine: on as Engine, plan }, ids, 5);
          const plans = byTurns([[length, 2], [8192, 0]], n + w).map(([keys, sinks]) => wide(keys, sinks));
          const streams = await segmentStreams(model, segments, [noDrop, ...plans], undefined, on as Engine);
          const stepped = await steps(noDrop);
          for (const [i, plan] of plans.entries()) {
            assert.deepEqual(streams[1 + i], streams[0]);
            assert.deepEqual(await steps(plan), stepped);
          }
        }),
    );
  }
}
