/** Smoothing by graph: the reference's measures of the same states, invariant as they are, under every plan at once. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { tokenSmoothingReference, type TokenStates } from "core/kernels/token_smoothing.ts";
import { type DropPlan, type Smoothing, smoothing } from "core/measure/mod.ts";
import type { Model } from "core/models/mod.ts";
import { Add, type Value } from "core/onnx/mod.ts";
import { type Blocks, dropPlan, embed, embeddingSmoothing, smoothingProbe } from "core/run/mod.ts";
import { smoothingOf } from "core/run/probes/smoothing.ts";
import { float32 } from "core/tensor/mod.ts";
import { anyStates, cases } from "../kernels/token_states.ts";
import { pass, withFixture } from "../../model.ts";
import { engine, randomBlocks, thorough, UNIT } from "../../support.ts";

async function byGraph({ tokens, width, x }: TokenStates): Promise<Smoothing> {
  const held = engine.upload(float32([tokens, width], x));
  try {
    return await smoothingOf(engine, held);
  } finally {
    held.free();
  }
}
const byReference = (states: TokenStates) => smoothing(tokenSmoothingReference(states));

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

async function expectReference(states: TokenStates): Promise<void> {
  const { tokens, width } = states;
  assertClose(await byGraph(states), byReference(states), tokens, Math.max(tokens, width));
}

for (const [name, states] of Object.entries(cases)) {
  Deno.test(`smoothing by graph is the reference's: ${name}`, () => expectReference(states));
}

Deno.test("smoothing by graph is the reference's for any tokens, and so changes neither with their order nor under a rotation", () =>
  fc.assert(fc.asyncProperty(anyStates, expectReference), { numRuns: 20 }));

/** What the streams after each module are under one plan, run alone, measured by the reference. */
async function alone(model: Model, blocks: Blocks, plan: DropPlan) {
  const { hidden, layers } = model.spec;
  const seen = layers.map((): { attention?: Smoothing[]; mlp?: Smoothing[] } => ({}));
  await pass(model, blocks, [{
    update: ({ x, a, y }): Record<string, Value> => ({ mlp: y, ...a ? { attention: Add(x, a) } : {} }),
    observeUpdate({ layer, present, first, count, outputs }) {
      for (const kind of ["attention", "mlp"] as const) {
        if (!present[kind]) continue;
        const data = outputs[kind].data as TokenStates["x"];
        const size = data.length / count;
        for (let i = 0; i < count; i++) {
          const x = data.slice(i * size, (i + 1) * size);
          (seen[layer][kind] ??= [])[first + i] = byReference({ tokens: size / hidden, width: hidden, x });
        }
      }
    },
  }], { plans: [plan] });
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
        await pass(model, blocks, [probe], { plans });
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
      const x = await embed(model, engine, ids);
      const expected = byReference({ tokens: ids.length, width: hidden, x });
      assertClose(sample, expected, blocks.length, Math.max(blocks.length, hidden));
    }
  }));
