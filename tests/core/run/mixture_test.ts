/** Mixtures expert by expert: what is read, parts of experts, numbers that are not finite, budgets, random weights. */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import { type Model, randomWeights, readSpec, routed } from "core/models/mod.ts";
import { forward, noDrop, routingProbe } from "core/run/mod.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import type { Lease } from "core/weights/mod.ts";
import { beyond, stateDeviations } from "../models/parity.ts";
import { engineWith, expectNear, withFixture } from "../../model.ts";
import { engine, openFolder, refuses } from "../../support.ts";
import { stepLogits } from "./states.ts";
import { fixture } from "../../fixtures/read.ts";

/** The model, its leases changed. */
function leasing(model: Model, change: (l: number, lease: Lease) => Lease): Model {
  const { weights } = model;
  return {
    ...model,
    weights: { ...weights, part: async (l, cuts) => change(l, await weights.part(l, cuts)) },
  };
}

/** One pass of one token; gives which experts it has chosen in each layer. */
async function choices(model: Model, id: number, on: Engine = engine): Promise<number[][]> {
  const probe = routingProbe(model.spec.layers);
  const segments = [{ ids: Int32Array.of(id), past: null }];
  await forward({ model, engine: on, segments, plans: [noDrop], probes: [probe] });
  return probe.sums.map((samples) =>
    samples ? samples[0].load.flatMap((count, e) => count > 0 ? [e] : []) : []
  );
}

Deno.test("only experts that a token has chosen are read, each alone", () =>
  withFixture("olmoe", async ({ model }) => {
    const read: Set<number>[] = model.spec.layers.map(() => new Set());
    const watched = leasing(model, (l, lease) => {
      const found = [...lease.tensors.keys()].map((name) => /^mlp\.experts\.(\d+)\./.exec(name)?.[1]);
      const experts = new Set(found.filter((expert) => expert !== undefined).map(Number));
      assert.ok(experts.size <= 1, "a lease has one expert at most");
      experts.forEach((expert) => read[l].add(expert));
      return lease;
    });
    const chosen = await choices(watched, 5);
    assert.deepEqual(read.map((layer) => [...layer].sort()), chosen);
    assert.deepEqual(chosen.map((layer) => layer.length), [3, 3, 3]);
    assert.equal(engine.live, 0);
  }));

for (const name of ["qwen2-moe", "glm4-moe"]) {
  Deno.test(`${name}: experts beyond a binding are run in parts`, () =>
    withFixture(name, async (opened) => {
      const { layers, hidden } = opened.model.spec;
      const { expert } = layers.map(({ mlp }) => routed(mlp)).find((mixture) => mixture !== null)!;
      const bindingBytes = expert.size * hidden * 4 / 2;
      const small = engineWith({ bindingBytes });
      assert.deepEqual(beyond(await stateDeviations(small, opened)), []);
    }));
}

/** The model, one number of a weight of layer 0 replaced. */
function broken(model: Model, weight: string, value: number): Model {
  return leasing(model, (l, lease) => ({
    ...lease,
    tensors: new Map([...lease.tensors].map(([name, tensor]) => {
      if (l > 0 || name !== weight) return [name, tensor];
      const data = toFloat32(tensor).slice();
      data[3] = value;
      return [name, float32(tensor.shape, data)];
    })),
  }));
}

/** Fails unless a token is refused for a weight of layer 0, with these words and nothing left on the engine. */
async function expectRefused(model: Model, weight: string, value: number, words: RegExp) {
  await assert.rejects(choices(broken(model, weight, value), 5), { name: "RangeError", message: words });
  assert.equal(engine.live, 0);
}

Deno.test("a number that is not finite ends the run where a token chose its expert, with the tensor's name", () =>
  withFixture("qwen3-moe-loose", async ({ model }) => {
    const [chosen] = await choices(model, 5);
    const other = [...Array(8).keys()].find((e) => !chosen.includes(e))!;
    const up = (expert: number) => `mlp.experts.${expert}.up_proj.weight`;
    for (const expert of chosen) {
      const holds = RegExp.escape(`(model.layers.0.${up(expert)} holds NaN)`);
      await expectRefused(
        model,
        up(expert),
        NaN,
        RegExp(`layer 0, MLP produces non-finite numbers ${holds}`),
      );
    }
    assert.deepEqual((await choices(broken(model, up(other), NaN), 5))[0], chosen);
  }));

Deno.test("finite weights whose products are not are found among all experts of the token", () =>
  withFixture("olmoe", async ({ model }) => {
    const [chosen] = await choices(model, 5);
    const expert = `mlp.experts.${chosen.at(-1)}.`;
    const found = RegExp.escape(`its weights are finite, the largest is 3e+38 in model.layers.0.${expert}`);
    await expectRefused(model, `${expert}down_proj.weight`, 3e38, RegExp(found));
  }));

Deno.test("an infinite number that a clip would hide ends the run", () =>
  withFixture("gpt-oss", async ({ model }) => {
    const [[chosen]] = await choices(model, 5);
    const found = /layer 0, MLP produces non-finite numbers \(.*gate_up_proj_bias.* holds Infinity\)/;
    for (const name of ["gate_proj.bias", "up_proj.bias"]) {
      await expectRefused(model, `mlp.experts.${chosen}.${name}`, Infinity, found);
    }
  }));

Deno.test("an expert that a router cannot have chosen is refused by its number", () =>
  withFixture("olmoe", async ({ model }) => {
    const chosen = (expert: bigint): Engine["read"] => async (held) => {
      const tensor = await engine.read(held);
      return tensor.dtype === "i64"
        ? { ...tensor, data: (tensor.data as BigInt64Array).fill(expert) }
        : tensor;
    };
    const run = (expert: bigint) =>
      choices(model, 5, Object.create(engine, { read: { value: chosen(expert) } }));
    const refused = (expert: bigint) => [expert, `${expert}: expected one from 0 to 6`] as const;
    await refuses("Cannot run expert ", run, [7n, -1n, 2n ** 40n].map(refused));
    assert.equal(engine.live, 0);
  }));

Deno.test("decoding gives the same logits whether experts are kept or read for every token", () =>
  withFixture("glm4-moe", async ({ model, blocks }) => {
    const logits = async (budget?: number) =>
      (await stepLogits({ model, budget }, blocks.ids.slice(0, 6), 4)).at(-1)!;
    const kept = await logits();
    for (const budget of [0, 60_000]) expectNear(model.spec, await logits(budget), kept, `${budget}`);
    assert.equal(engine.live, 0);
  }));

Deno.test("an untrained mixture is drawn expert by expert, with the bits of the whole layer", async () => {
  const config = {
    ...{ model_type: "qwen2_moe", hidden_size: 16, num_hidden_layers: 2, vocab_size: 32 },
    ...{ intermediate_size: 24, moe_intermediate_size: 8, shared_expert_intermediate_size: 12 },
    ...{ num_attention_heads: 2, num_key_value_heads: 2, num_experts: 4, num_experts_per_tok: 2 },
  };
  const spec = readSpec(config, "untrained");
  const weights = randomWeights(spec, { seed: 3, std: 0.5, residualStd: 0.25 });
  const model: Model = { name: "untrained", spec, weights, config };
  const whole = new Map(
    [...(await weights.layer(1)).tensors].map(([name, { data }]) => [name, data.slice()]),
  );
  const streams = new Set<string>();
  for (const [name, data] of whole) {
    const lease = await weights.part(1, new Map([[name, null]]));
    assert.deepEqual(lease.tensors.get(name)!.data, data, name);
    lease.release();
    if (name.endsWith("proj.weight")) streams.add([...data].slice(0, 8).join());
  }
  assert.equal(streams.size, 4 + 3 * 5, "no two matrices are alike");
  assert.equal((await choices(model, 7))[1].length, 2);
  weights.close();
});

Deno.test("an expert that is missing, or of another shape, is refused when the model is opened", async () => {
  const { folder } = await fixture("olmoe");
  const open = (change: object) =>
    openFolder(folder, "config.json", (config) => void Object.assign(config, change));
  const tensor = "tensor model.layers.0.mlp.experts.0.gate_proj.weight";
  await refuses("Cannot ", open, [
    [{ num_experts: 8 }, /0\.mlp\.(gate|experts\.7\.\w+)\.weight (has shape|is missing)/, "TypeError"],
    [{ intermediate_size: 16 }, `${tensor} has shape [20,32], expected [16,32]`, "TypeError"],
    [{ num_experts_per_tok: 9 }, "num_experts_per_tok is 9, expected at most 7, the number of experts"],
    [{ num_local_experts: 6 }, "num_local_experts is 6, expected 7, as in num_experts"],
  ]);
});
