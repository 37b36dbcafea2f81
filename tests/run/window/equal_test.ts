/** A window of at least the text's length is the full model to the bit, whatever runs attention, token by token too. */
import assert from "node:assert/strict";
import { scoring } from "../../../src/models/mod.ts";
import { type DropPlan, dropPlan, noDrop, type Segment } from "../../../src/run/mod.ts";
import type { Engine } from "../../../src/engine/mod.ts";
import { byTurns, everyThird, withFixture } from "../../support.ts";
import { engines } from "./ways.ts";
import { windowOf } from "./windows.ts";
import { segmentStreams, stepLogits } from "../states.ts";

/** Families in which every way of attention is tried, and others. */
const EVERY_WAY = ["llama", "gemma3", "deepseek-v3", "gpt-oss"];
const FAMILIES = [...EVERY_WAY, "gemma2", "gpt2", "neox-parallel", "qwen3", "qwen3-next", "mixtral"];

for (const [n, name] of FAMILIES.entries()) {
  for (const [w, [way, { on, names = EVERY_WAY }]] of Object.entries(engines).entries()) {
    if (typeof on === "string" || way !== "the CPU's" && !names.includes(name)) continue;
    everyThird(n + w)(
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
          const streams = (plan: DropPlan) =>
            segmentStreams(model, segments, [plan], undefined, on as Engine);
          const steps = (plan: DropPlan) => stepLogits({ model, engine: on as Engine, plan }, ids, 5);
          const [full, stepped] = [await streams(noDrop), await steps(noDrop)];
          for (const [keys, sinks] of byTurns([[length, 2], [8192, 0]], n + w)) {
            assert.deepEqual(await streams(wide(keys, sinks)), full);
            assert.deepEqual(await steps(wide(keys, sinks)), stepped);
          }
        }),
    );
  }
}
