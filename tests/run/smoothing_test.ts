/** Smoothing by graph: the reference's measures of the same states, invariant as they are, under every plan at once. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { tokenSmoothingReference } from "../../src/kernels/mod.ts";
import { type Smoothing, smoothing } from "../../src/measure/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import { Add, type Value } from "../../src/onnx/mod.ts";
import {
  type Blocks,
  type DropPlan,
  dropPlan,
  embed,
  embeddingSmoothing,
  forward,
  type Probe,
  segmentsOf,
  smoothingOf,
  smoothingProbe,
} from "../../src/run/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { engine, randomBlocks, thorough, UNIT, withFixture } from "../support.ts";

type States = Float32Array<ArrayBuffer>;

/** Numbers of mean 0, spread evenly, the same for the same seed. */
function noise(count: number, seed: number): States {
  let state = seed * 2654435761 >>> 0 || 1;
  return Float32Array.from({ length: count }, () => {
    state = Math.imul(state ^ state >>> 15, state | 1) + 0x6d2b79f5 >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

/** Tokens with a common part. */
function states(tokens: number, width: number, common: number, seed: number): States {
  const shared = noise(width, seed + 1);
  return noise(tokens * width, seed).map((value, i) => value + common * shared[i % width]);
}

async function byGraph(x: States, width: number): Promise<Smoothing> {
  const held = engine.upload(float32([x.length / width, width], x));
  try {
    return await smoothingOf(engine, held);
  } finally {
    held.free();
  }
}
const byReference = (x: States, width: number) =>
  smoothing(tokenSmoothingReference({ tokens: x.length / width, width, x }));

/**
 * The graph rounds each of its sums of up to n = max(T, D) terms by n · u at most, in the sums over tokens, in the norms and
 * in the entries of G; 16 bounds how often that enters a measure, relative to 1, to T for the participation ratio.
 */
const within = (n: number) => 16 * n * UNIT;

function assertClose(actual: Smoothing, expected: Smoothing, tokens: number, n: number): void {
  const tolerance = within(n);
  const check = (name: string, a: number, b: number, scale: number) => {
    const isNear = Math.abs(a - b) <= tolerance * scale || Number.isNaN(a) && Number.isNaN(b);
    assert.ok(isNear, `${name}: ${a}, expected ${b}`);
  };
  check("mean cosine", actual.meanCosine, expected.meanCosine, 2);
  check("residual²", actual.residualToRankOne ** 2, expected.residualToRankOne ** 2, 1);
  check("participation", actual.participationRatio, expected.participationRatio, tokens);
}

const spiked = states(90, 40, 0.2, 5);
spiked[7] = 1e4;
spiked[40 * 50 + 7] = -1e4;
spiked.fill(0, 40 * 3, 40 * 5);

const cases: Record<string, [States, width: number]> = {
  "T below D": [states(30, 70, 0.5, 1), 70],
  "D below T": [states(200, 24, 0.5, 2), 24],
  "one token": [states(1, 9, 0, 3), 9],
  "equal tokens": [Float32Array.from({ length: 50 * 16 }, (_, i) => noise(16, 4)[i % 16]), 16],
  "spikes and zero tokens": [spiked, 40],
  "nothing but zeros": [new Float32Array(3 * 4), 4],
};

for (const [name, [x, width]] of Object.entries(cases)) {
  Deno.test(`smoothing by graph is the reference's: ${name}`, async () => {
    const tokens = x.length / width;
    assertClose(await byGraph(x, width), byReference(x, width), tokens, Math.max(tokens, width));
  });
}

const anyStates = fc.record({
  tokens: fc.integer({ min: 2, max: 24 }),
  width: fc.integer({ min: 2, max: 24 }),
  common: fc.double({ min: 0, max: 2, noNaN: true }),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

Deno.test("smoothing by graph is the reference's for any tokens, and so changes neither with their order nor under a rotation", () =>
  fc.assert(
    fc.asyncProperty(anyStates, async ({ tokens, width, common, seed }) => {
      const x = states(tokens, width, common, seed);
      assertClose(await byGraph(x, width), byReference(x, width), tokens, Math.max(tokens, width));
    }),
    { numRuns: 20 },
  ));

/** What the streams after each module are under one plan, run alone, measured by the reference. */
async function alone(model: Model, blocks: Blocks, plan: DropPlan) {
  const { hidden, layers } = model.spec;
  const seen = layers.map((): { attention?: Smoothing[]; mlp?: Smoothing[] } => ({}));
  const probe: Probe = {
    update: ({ x, a, y }): Record<string, Value> => ({ mlp: y, ...a ? { attention: Add(x, a) } : {} }),
    observeUpdate({ layer, present, first, count, outputs }) {
      for (const kind of ["attention", "mlp"] as const) {
        if (!present[kind]) continue;
        const data = outputs[kind].data as States;
        const size = data.length / count;
        for (let i = 0; i < count; i++) {
          (seen[layer][kind] ??= [])[first + i] = byReference(data.slice(i * size, (i + 1) * size), hidden);
        }
      }
    },
  };
  await forward({ model, engine, segments: segmentsOf(blocks), plans: [plan], probes: [probe] });
  return seen;
}

for (const [name, test] of [["neox-parallel", Deno.test], ["llama", thorough]] as const) {
  test(`${name}: smoothing of all plans at once is each plan's own, in one batch or several`, () =>
    withFixture(name, async ({ model }) => {
      const { spec } = model;
      const drops = [{}, { attention: [1] }, { mlp: [0, 1] }, { attention: [2], mlp: [2] }];
      const plans = drops.map((drop) => dropPlan(spec, drop));
      for (const blocks of [randomBlocks(3, 12, spec.vocabulary), randomBlocks(2, 1030, spec.vocabulary)]) {
        const probe = smoothingProbe(spec.layers, blocks.length, plans.length);
        await forward({ model, engine, segments: segmentsOf(blocks), plans, probes: [probe] });
        for (const [p, plan] of plans.entries()) {
          if (p > 0 && blocks.length > 1000) continue; // the batches are the same for every plan
          const expected = await alone(model, blocks, plan);
          probe.plans[p].forEach((layer, l) => {
            assert.deepEqual(Object.keys(layer), Object.keys(expected[l]));
            for (const kind of ["attention", "mlp"] as const) {
              layer[kind]?.forEach((measured, i) => {
                const n = Math.max(blocks.length, spec.hidden);
                assertClose(measured, expected[l][kind]![i], blocks.length, n);
              });
              assert.equal(layer[kind]?.length, expected[l][kind]?.length);
            }
          });
        }
      }
    }));
}

Deno.test("smoothing of the embedding is that of the rows that the ids have", () =>
  withFixture("gemma3", async ({ model, blocks }) => {
    const { hidden } = model.spec;
    const measured = await embeddingSmoothing(model, engine, blocks);
    assert.equal(measured.length, blocks.samples);
    for (const [i, sample] of measured.entries()) {
      const ids = blocks.ids.subarray(i * blocks.length, (i + 1) * blocks.length);
      const expected = byReference(await embed(model, engine, ids), hidden);
      assertClose(sample, expected, blocks.length, Math.max(blocks.length, hidden));
    }
  }));
