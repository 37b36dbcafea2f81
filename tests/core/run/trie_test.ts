/** A trie of plans runs each module once for all plans that share its input, as a brute-force count says; a module that is not run leaves the stream of an output projection of zeros. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { LayerSpec } from "core/models/mod.ts";
import { countModules } from "core/run/plan/trie.ts";
import { type DropPlan, dropPlan, forward, noDrop, type Probe, segmentsOf } from "core/run/mod.ts";
import { distance, withFixture } from "../../model.ts";
import { engine, openFolder, randomBlocks, refuses, withFolder } from "../../support.ts";
import { isThorough } from "../../tools.ts";
import { finalStreams } from "./states.ts";
import { rewrite } from "../models/rewrite.ts";

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
  const kinds = { attention: { kind: "softmax" }, mlp: { kind: "dense" } };
  const layer = { residual: "sequential", ...kinds } as LayerSpec; // their kinds suffice
  fc.assert(fc.property(plans, ([layers, plans]) => {
    assert.equal(countModules(Array(layers).fill(layer), plans), bruteForce(layers, plans));
  }));
});

Deno.test("a module that the checkpoint lacks, and a mean in the place of one, are never counted", () => {
  const bare = { residual: "sequential", attention: null, mlp: { kind: "dense" } } as LayerSpec;
  assert.equal(countModules([bare, bare], [{ attention: [], mlp: [] }, { attention: [], mlp: [1] }]), 2);
  const mean = { layer: 0, module: "attention", to: "mean", tensors: "" } as const;
  const both = { ...bare, attention: { kind: "softmax" } } as LayerSpec;
  assert.equal(countModules([both], [{ ...noDrop, changes: [mean] }]), 1);
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
    await fc.assert(property, { numRuns: isThorough ? 15 : 6 });
  }));

/** Names of the output projections of Llama-like models and of GPT-NeoX, weights and biases. */
const decoder = { attention: /layers\.(\d+)\.self_attn\.o_proj\./, mlp: /layers\.(\d+)\.mlp\.down_proj\./ };
const neox = { attention: /layers\.(\d+)\.attention\.dense\./, mlp: /layers\.(\d+)\.mlp\.dense_4h_to_h\./ };

const projections = {
  "llama": decoder,
  "llama-bias": decoder,
  "gemma2": decoder,
  "olmo2": decoder,
  "neox-parallel": neox,
  "neox-sequential": neox,
};

/** Copies a model with the tensors that `zeroed` chooses set to zero; gives how many there were. */
async function copyWithZeros(name: string, to: string, zeroed: (tensor: string) => boolean): Promise<number> {
  let count = 0;
  await rewrite(name, to, (tensors) => {
    for (const [key, { data }] of tensors) {
      if (!zeroed(key)) continue;
      data.fill(0 as never);
      count++;
    }
  });
  return count;
}

for (const [name, patterns] of Object.entries(projections)) {
  Deno.test(`${name}: a dropped module is a zeroed output projection, bit for bit`, () =>
    withFixture(name, ({ model, blocks }) =>
      withFolder(async (copied) => {
        const last = model.spec.layers.length - 1;
        const plan = dropPlan(model.spec, { attention: [0, last], mlp: [1, last] });
        const zeroed = (tensor: string) =>
          (["attention", "mlp"] as const).some((kind) => {
            const layer = patterns[kind].exec(tensor)?.[1];
            return layer !== undefined && plan[kind].includes(Number(layer));
          });
        assert.ok(await copyWithZeros(name, copied, zeroed) >= 4);
        using edited = await openFolder(copied);
        const [full, dropped] = await finalStreams(model, blocks, [noDrop, plan]);
        const [silent] = await finalStreams(edited, blocks, [noDrop]);
        assert.equal(distance(dropped, silent), 0);
        assert.ok(distance(dropped, full) > 0.1);
      })));
}

Deno.test("a checkpoint's own drop list is the plan of the same layers", () =>
  withFixture("llama", async ({ model, blocks, expected: { folder } }) => {
    const lists = { drop_attn_list: [1], drop_mlp_list: [true, false, true] };
    using thinner = await openFolder(folder, "config.json", (config) => Object.assign(config, lists));
    const plan = dropPlan(model.spec, { attention: [1], mlp: [0, 2] });
    assert.deepEqual(
      await finalStreams(thinner, blocks, [noDrop]),
      await finalStreams(model, blocks, [plan]),
    );
  }));

Deno.test("a plan names each present module once, in ascending order", () =>
  withFixture("llama", ({ model: { spec } }) => {
    assert.deepEqual(dropPlan(spec, { attention: [2, 0] }), { attention: [0, 2], mlp: [] });
    const thinner = { ...spec, layers: spec.layers.map((layer) => ({ ...layer, mlp: null })) };
    assert.throws(() => dropPlan(thinner, { mlp: [1] }), /mlp 1: the checkpoint already lacks it/);
    return refuses("Cannot ", (plan: Partial<DropPlan>) => dropPlan(spec, plan), [
      [{ attention: [3] }, "attention 3: expected a layer from 0 to 2"],
      [{ mlp: [-1] }, "mlp -1: expected a layer from 0 to 2"],
      [{ mlp: [0.5] }, "mlp 0.5: expected a layer"],
      [{ mlp: [1, 1] }, "mlp 1: it is listed twice"],
    ]);
  }));
