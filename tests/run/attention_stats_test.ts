/** The probe of attention patterns against the plain reference, on the q and k that meet in models of every family. */
import assert from "node:assert/strict";
import { type AttentionInput, type AttentionStats, attentionStatsReference } from "../../src/kernels/mod.ts";
import { PATTERN_NAMES, type PatternName } from "../../src/measure/mod.ts";
import { type LayerSpec, scoring } from "../../src/models/mod.ts";
import { attentionStatsProbe, dropPlan, forward, noDrop, type Probe, segmentsOf } from "../../src/run/mod.ts";
import { onWebgpu } from "../kernels/devices.ts";
import { engine as cpu, everyThird, randomBlocks, stateTolerance, withFixture } from "../support.ts";
import { tolerances } from "./attention_tolerances.ts";
import { readJson } from "../fixtures/read.ts";

const whole = (stats: AttentionStats) => stats;

/** Takes q and k of every layer as the reference wants them, by layer and sample. */
function inputsProbe(layers: readonly LayerSpec[], stride: number): Probe & { inputs: AttentionInput[][] } {
  const inputs: AttentionInput[][] = layers.map(() => []);
  return {
    inputs,
    attention: ({ q, k }) => ({ seen_q: q, seen_k: k }),
    observeAttention({ layer, first, count, length, outputs }) {
      const spec = scoring(layers[layer].attention);
      if (!spec) return;
      const part = (name: string, i: number) => {
        const all = outputs[name].data as Float32Array<ArrayBuffer>;
        return all.slice(i * all.length / count, (i + 1) * all.length / count);
      };
      for (let i = 0; i < count; i++) {
        inputs[layer][first + i] = {
          tokens: length,
          heads: spec.heads,
          keyHeads: spec.kvHeads,
          size: spec.headSize,
          q: part("seen_q", i),
          k: part("seen_k", i),
          scale: spec.scale,
          window: spec.window ?? undefined,
          softcap: spec.softcap ?? undefined,
          stride,
        };
      }
    },
  };
}

function assertEqual(
  actual: AttentionStats,
  expected: AttentionStats,
  input: AttentionInput,
  what: string,
  state = 0,
) {
  assert.deepEqual(actual.positions, expected.positions);
  const queries = expected.positions.length;
  for (let row = 0; row < input.heads * queries; row++) {
    const [head, position] = [Math.floor(row / queries), expected.positions[row % queries]];
    const tolerance = tolerances(input, head, position, state);
    for (const name of PATTERN_NAMES) {
      const [found, wanted] = [actual.stats[name][row], expected.stats[name][row]];
      const most = tolerance[name](wanted);
      const where = `${what}, head ${head}, query ${position}: ${name} ${found}`;
      assert.ok(Math.abs(found - wanted) <= most, `${where}, expected ${wanted} ± ${most}`);
    }
  }
}

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
    everyThird(f + s)(
      `attention statistics of ${name}: ${samples} × ${length}, every ${stride}th query`,
      () => holdAgainstReference(name, setting),
    );
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
        assertEqual(probe.stats[l]![i], attentionStatsReference(input), input, `layer ${l}, sample ${i}`)
      );
    }
  });
}

onWebgpu(
  "attention statistics of gemma2: q and k stay on the device",
  (engine) => holdAgainstReference("gemma2", { samples: 2, length: 101, stride: 3 }, engine),
);

const published: Record<string, Record<PatternName, number[][]>> = await readJson(
  "tests/fixtures/attention_stats.json",
);
for (const [name, byStat] of Object.entries(published)) {
  Deno.test(`attention statistics of ${name} are those of Hugging Face's output_attentions`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const { layers } = model.spec;
      const [probe, seen] = [attentionStatsProbe(layers, whole, { stride: 3 }), inputsProbe(layers, 3)];
      await forward({
        model,
        engine: cpu,
        segments: segmentsOf(blocks),
        plans: [noDrop],
        probes: [probe, seen],
      });
      layers.forEach((_, l) => {
        const stats = Object.fromEntries(
          PATTERN_NAMES.map((stat) => [stat, Float64Array.from(byStat[stat][l])]),
        );
        const expected = { positions: probe.stats[l]![1].positions, stats } as AttentionStats;
        assertEqual(
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
    assert.throws(() => attentionStatsProbe([], whole, { stride }), {
      name: "RangeError",
      message: `Cannot measure attention: stride is ${stride}, expected a positive integer`,
    });
  }
});
