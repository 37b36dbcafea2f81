/**
 * Every family and feature against Hugging Face's float32 on the CPU, within what parity.ts derives, which is narrow enough: a configuration
 * that is a little wrong is ten times outside it. The other dialect of each configuration gives the same specification (config_test.ts), so the same numbers.
 */
import assert from "node:assert/strict";
import { fixture, fixtureNames } from "../../fixtures/read.ts";
import { distance, engineWith, largest, stateTolerance, withFixture } from "../../model.ts";
import { blocksOf, engine, openFolder } from "../../support.ts";
import { beyond, type Deviation, meanDeviations, scoreDeviations, stateDeviations } from "./parity.ts";
import { noDrop } from "core/run/mod.ts";
import { finalStreams } from "../run/states.ts";

function expectWithin(deviations: readonly Deviation[]): void {
  assert.ok(deviations.length > 1);
  assert.deepEqual(beyond(deviations), []);
}

for (const name of fixtureNames) {
  Deno.test(`${name}: states, updates and their sum`, () =>
    withFixture(name, async (opened) => expectWithin(await stateDeviations(engine, opened))));

  for (const attention of ["grouped-without-softcap", "standard", "decomposed"] as const) {
    const rows = attention === "decomposed" ? "gathered" : "scattered";
    Deno.test(`${name}, attention ${attention}, rows ${rows}: states, updates and their sum`, () =>
      withFixture(
        name,
        async (opened) => expectWithin(await stateDeviations(engineWith({ attention, rows }), opened)),
      ));
  }

  Deno.test(`${name}: importance, relative magnitude and sign`, () =>
    withFixture(name, async (opened) => expectWithin(await meanDeviations(engine, opened))));

  Deno.test(`${name}: nll, KL and top-1 of the full model and of two plans`, () =>
    withFixture(name, async (opened) => expectWithin(await scoreDeviations(engine, opened))));
}

const mistakes: Record<string, [name: string, change: Record<string, unknown>]> = {
  "twice the epsilon": ["llama", { rms_norm_eps: 2e-5 }],
  "a base 1 % off": ["llama", { rope_parameters: { rope_type: "default", rope_theta: 5050 } }],
  "a window one longer": ["mistral", { sliding_window: 8 }],
  "a window one shorter": ["qwen2-window", { sliding_window: 5 }],
  "a soft cap 1 % off": ["gemma2", { attn_logit_softcapping: 2.525 }],
  "a scale of the scores 5 % off": ["gemma3", { query_pre_attn_scalar: 12.6 }],
  "tanh instead of erf": ["neox-parallel", { hidden_act: "gelu_new" }],
  "a sequential residual": ["neox-parallel", { use_parallel_residual: false }],
};

for (const [what, [name, change]] of Object.entries(mistakes)) {
  Deno.test(`${name} with ${what} is noticed`, async () => {
    const expected = await fixture(name);
    using model = await openFolder(expected.folder, "config.json", (config) => Object.assign(config, change));
    const [actual] = await finalStreams(model, blocksOf(expected), [noDrop]);
    const { data } = expected.tensors.get("final")!;
    const error = distance(actual, data) / largest(data);
    const tolerance = stateTolerance(model.spec);
    assert.ok(error > 10 * tolerance, `relative error ${error}, tolerance ${tolerance}`);
  });
}
