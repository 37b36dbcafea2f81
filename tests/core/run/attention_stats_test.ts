/** The probe of attention patterns against the plain reference, on the q and k that meet in models of every family. */
import assert from "node:assert/strict";
import { eachOf } from "core/entry/mod.ts";
import { type AttentionStats, attentionStatsReference } from "core/kernels/mod.ts";
import { PATTERN_NAMES, type PatternName } from "core/measure/mod.ts";
import { attentionStatsProbe, dropPlan, forward, noDrop, segmentsOf } from "core/run/mod.ts";
import { onWebgpu } from "../kernels/devices.ts";
import { stateTolerance, withFixture } from "../../model.ts";
import { engine as cpu, everyThird, randomBlocks } from "../../support.ts";
import { expectStats, inputsProbe } from "./attention_tolerances.ts";
import { readJson } from "../../fixtures/read.ts";

const whole = (stats: AttentionStats) => stats;

type Setting = Record<"samples" | "length" | "stride", number>;

/** Grouped and single heads, heads of 12, 16 and 8, soft caps, windows of 5 to 7 and none, norms of q and k, partial rotation. */
const families = ["gemma2", "gemma3", "llama", "mistral", "olmo2", "neox-parallel"];
/** Shorter than 16 keys, one chunk, and neither chunks nor strides coming out even. */
const settings: Setting[] = [
  { samples: 2, length: 9, stride: 1 },
  { samples: 1, length: 48, stride: 1 },
  { samples: 2, length: 101, stride: 1 },
  { samples: 2, length: 131, stride: 3 },
  { samples: 1, length: 300, stride: 8 },
  { samples: 1, length: 5, stride: 100 },
];

for (const [f, name] of families.entries()) {
  for (const [s, setting] of settings.entries()) {
    const { samples, length, stride } = setting;
    const what = `attention statistics of ${name}: ${samples} × ${length}, every ${stride}th query`;
    everyThird(f + s)(what, () => holdAgainstReference(name, setting));
  }
}

async function holdAgainstReference(name: string, { samples, length, stride }: Setting, engine = cpu) {
  await withFixture(name, async ({ model }) => {
    const { layers, vocabulary } = model.spec;
    const blocks = randomBlocks(samples, length, vocabulary);
    const [probe, seen] = [attentionStatsProbe(layers, whole, { stride }), inputsProbe(layers, stride)];
    await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [probe, seen] });
    for (const [l, inputs] of seen.inputs.entries()) {
      assert.equal(probe.stats[l]!.length, samples);
      inputs.forEach((input, i) =>
        expectStats(probe.stats[l]![i], attentionStatsReference(input), input, `layer ${l}, sample ${i}`)
      );
    }
  });
}

onWebgpu(
  "attention statistics of gemma2: q and k stay on the device",
  (engine) => holdAgainstReference("gemma2", { samples: 2, length: 101, stride: 3 }, engine),
);

type Published = Record<string, Record<PatternName, number[][]>>;
const published: Published = await readJson("tests/fixtures/attention_stats.json");
for (const [name, byStat] of Object.entries(published)) {
  Deno.test(`attention statistics of ${name} are those of Hugging Face's output_attentions`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const { layers } = model.spec;
      const [probe, seen] = [attentionStatsProbe(layers, whole, { stride: 3 }), inputsProbe(layers, 3)];
      const run = { model, engine: cpu, segments: segmentsOf(blocks), plans: [noDrop] };
      await forward({ ...run, probes: [probe, seen] });
      layers.forEach((_, l) => {
        const stats = eachOf(PATTERN_NAMES, (stat) => Float64Array.from(byStat[stat][l]));
        const expected = { positions: probe.stats[l]![1].positions, stats } as AttentionStats;
        expectStats(
          probe.stats[l]![1],
          expected,
          seen.inputs[l][1],
          `layer ${l}`,
          stateTolerance(model.spec),
        );
      });
    }));
}

Deno.test("attention statistics are of the plan asked for, null where it runs no attention", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const { layers } = model.spec;
    const plans = [noDrop, dropPlan(model.spec, { attention: [1] })];
    const stats = async (plans: typeof noDrop[], plan: number) => {
      const probe = attentionStatsProbe(layers, whole, { plan });
      await forward({ model, engine: cpu, segments: segmentsOf(blocks), plans, probes: [probe] });
      return probe.stats;
    };
    const dropped = await stats(plans, 1);
    assert.equal(dropped[1], null);
    assert.deepEqual(dropped, await stats([plans[1]], 0));
    assert.deepEqual(await stats(plans, 0), await stats([noDrop], 0));
    assert.notDeepEqual(dropped[2], (await stats(plans, 0))[2]);
  }));

Deno.test("attention statistics refuse a stride that is no positive integer", () => {
  for (const stride of [0, 1.5, NaN]) {
    const message = `Cannot measure attention: stride is ${stride}, expected a positive integer`;
    assert.throws(() => attentionStatsProbe([], whole, { stride }), { name: "RangeError", message });
  }
});
