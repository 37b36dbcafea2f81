/** A trie of plans runs each module once for all plans that share its input: as a brute-force count says. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { LayerSpec } from "../../src/models/mod.ts";
import { countModules, type DropPlan, dropPlan, forward, type Probe, segmentsOf } from "../../src/run/mod.ts";
import { engine, randomBlocks, withFixture } from "../support.ts";
import { finalStreams } from "./states.ts";

/** Any plan of a model with `layers` layers. */
const planOf = (layers: number): fc.Arbitrary<DropPlan> =>
  fc.record({
    attention: fc.subarray(Array.from({ length: layers }, (_, l) => l)),
    mlp: fc.subarray(Array.from({ length: layers }, (_, l) => l)),
  });

/**
 * The number of different (layer, module, everything decided before it): what a plan does in earlier layers, and for
 * the MLP also whether this layer's attention runs.
 */
function bruteForce(layers: number, plans: readonly DropPlan[]): number {
  const runs = new Set<string>();
  for (const { attention, mlp } of plans) {
    let history = "";
    for (let l = 0; l < layers; l++) {
      if (!attention.includes(l)) runs.add(`${history} attention ${l}`);
      history += attention.includes(l) ? "-" : "a";
      if (!mlp.includes(l)) runs.add(`${history} mlp ${l}`);
      history += mlp.includes(l) ? "-" : "m";
    }
  }
  return runs.size;
}

Deno.test("countModules is the brute-force count, for any plans", () => {
  const plans = fc.integer({ min: 1, max: 6 }).chain((layers) =>
    fc.tuple(fc.constant(layers), fc.array(planOf(layers), { maxLength: 12 }))
  );
  const layer = {
    residual: "sequential",
    attention: { kind: "softmax" },
    mlp: { kind: "dense" },
  } as LayerSpec; // their kinds suffice
  fc.assert(fc.property(plans, ([layers, plans]) => {
    assert.equal(countModules(Array(layers).fill(layer), plans), bruteForce(layers, plans));
  }));
});

Deno.test("a module that the checkpoint lacks is never counted", () => {
  const bare = { residual: "sequential", attention: null, mlp: { kind: "dense" } } as LayerSpec;
  assert.equal(countModules([bare, bare], [{ attention: [], mlp: [] }, { attention: [], mlp: [1] }]), 2);
});

Deno.test("forward runs as many modules as it says, and each plan as if alone", () =>
  withFixture("llama", async ({ model }) => {
    const blocks = randomBlocks(2, 6, model.spec.vocabulary);
    const property = fc.asyncProperty(
      fc.array(planOf(model.spec.layers.length), { minLength: 1, maxLength: 4 }),
      async (wanted) => {
        const plans = wanted.map((plan) => dropPlan(model.spec, plan));
        let [observed, reported] = [0, 0];
        const probe: Probe = {
          observeAttention: () => void observed++,
          observeUpdate: ({ present }) => void (observed += Number(present.mlp)),
        };
        const count = await forward({
          model,
          engine,
          segments: segmentsOf(blocks),
          plans,
          probes: [probe],
          onProgress(done, total) {
            assert.equal(done, ++reported);
            assert.equal(total, bruteForce(model.spec.layers.length, plans));
          },
        });
        assert.equal(count, bruteForce(model.spec.layers.length, plans));
        assert.equal(observed, count);
        assert.equal(reported, count);
        const together = await finalStreams(model, blocks, plans);
        for (const [i, plan] of plans.entries()) {
          assert.deepEqual([together[i]], await finalStreams(model, blocks, [plan]));
        }
      },
    );
    await fc.assert(property, { numRuns: 15 });
  }));
