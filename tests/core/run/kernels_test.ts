/** Probes and weights on an engine that runs kernels: states and weights stay on the device, and the numbers are the CPU's. */
import assert from "node:assert/strict";
import { closed } from "core/entry/mod.ts";
import type { Engine, Held } from "core/engine/mod.ts";
import { type Model, randomWeights, readSpec } from "core/models/mod.ts";
import { attentionStatsProbe, dropPlan, gramProbe, type GramSums, smoothingProbe } from "core/run/mod.ts";
import { elements, type Tensor } from "core/tensor/mod.ts";
import { onWebgpu } from "../kernels/devices.ts";
import { engineWith, pass, stateTolerance, withFixture } from "../../model.ts";
import { randomBlocks, thorough } from "../../support.ts";

/** An engine that keeps in mind how many elements cross to the device and back, by tensor. */
function watched(engine: Engine) {
  const [uploads, reads]: number[][] = [[], []];
  const watching: Engine = Object.create(engine, {
    upload: { value: (tensor: Tensor) => (uploads.push(tensor.data.length), engine.upload(tensor)) },
    read: { value: (held: Held) => (reads.push(elements(held.shape)), engine.read(held)) },
  });
  return { watching, uploads, reads };
}

/** Sums of updates are off by twice the states' error from either engine, signs relative to the tokens counted. */
function assertSums(actual: GramSums, expected: GramSums, tolerance: number): void {
  expected.forEach((layer, l) => {
    assert.deepEqual(Object.keys(actual[l]), Object.keys(layer));
    for (const kind of ["attention", "mlp", "block"] as const) {
      layer[kind]?.forEach((sums, i) => {
        for (const name of ["counted", "distance", "magnitude", "norm", "sign"] as const) {
          const found = actual[l][kind]![i][name];
          const most = 4 * tolerance * (name === "sign" ? sums.counted : sums[name]);
          const where = `layer ${l}, ${kind}, sample ${i}: ${name} ${found}`;
          assert.ok(Math.abs(found - sums[name]) <= most, `${where}, expected ${sums[name]} ± ${most}`);
        }
      });
    }
  });
}

for (const name of ["llama", "gemma2", "neox-parallel", "olmo2"]) {
  onWebgpu(
    `${name}: sums of updates under every plan are the CPU's`,
    (engine) =>
      withFixture(name, async ({ model, blocks }) => {
        const { spec } = model;
        const plans = [
          dropPlan(spec, {}),
          dropPlan(spec, { attention: [1] }),
          dropPlan(spec, { mlp: [0], attention: [2] }),
        ];
        const [found, expected] = [0, 1].map(() => plans.map((_, plan) => gramProbe(spec.layers, plan)));
        await pass(model, blocks, found, { on: engine, plans });
        await pass(model, blocks, expected, { plans });
        found.forEach(({ sums }, plan) => assertSums(sums, expected[plan].sums, stateTolerance(spec)));
      }),
    name === "gemma2" ? Deno.test : thorough,
  );
}

onWebgpu(
  "states stay on the device: of each, sums alone are read",
  (engine) =>
    withFixture("gemma2", async ({ model }) => {
      const { layers, vocabulary, hidden } = model.spec;
      const blocks = randomBlocks(2, 101, vocabulary);
      const { watching, reads } = watched(engine);
      const patterns = attentionStatsProbe(layers, () => 0, { stride: 8 });
      const probes = [gramProbe(layers), smoothingProbe(layers, blocks.length), patterns];
      await pass(model, blocks, probes, { on: watching });
      assert.ok(reads.length > 3 * layers.length);
      // The largest: fifteen products of each token.
      assert.equal(Math.max(...reads), 2 * 101 * 15);
      assert.ok(15 < hidden);
    }),
);

onWebgpu(
  "a probe that fails leaves nothing on the device",
  (engine) =>
    withFixture("llama", async ({ model, blocks }) => {
      const { layers } = model.spec;
      const failing = { kernels: { update: () => Promise.reject(new Error("out of order")) } };
      const probes = [gramProbe(layers), smoothingProbe(layers, blocks.length), failing];
      await assert.rejects(pass(model, blocks, probes, { on: engine }), /out of order/);
    }),
);

const config = {
  ...{ model_type: "llama", hidden_size: 256, intermediate_size: 1024, num_attention_heads: 4 },
  ...{ num_hidden_layers: 2, vocab_size: 50, max_position_embeddings: 64 },
};

// A layer has 4 MiB.
for (const [what, most] of [["at once", {}], ["part by part", { bindingBytes: 2 ** 20 }]] as const) {
  onWebgpu(
    `weights are drawn on the device, ${what}: the CPU's numbers, and none is uploaded`,
    async (engine) => {
      const spec = readSpec(config, "config.json");
      using weights = closed(randomWeights(spec, { seed: 7, std: 0.05, residualStd: 0.02 }));
      const model: Model = { name: "random", spec, config, weights };
      const blocks = randomBlocks(2, 16, 50);
      const { watching, uploads } = watched(engineWith(most, engine));
      const [found, expected] = [gramProbe(spec.layers), gramProbe(spec.layers)];
      await pass(model, blocks, [found], { on: watching });
      await pass(model, blocks, [expected]);
      assertSums(found.sums, expected.sums, stateTolerance(spec));
      const largest = uploads.toSorted((a, b) => b - a);
      assert.deepEqual(largest.slice(0, 1), [65536]); // the table, once
      assert.ok(largest[1] <= 50 * 256, `${largest[1]} numbers`); // rows of the embedding
    },
  );
}
