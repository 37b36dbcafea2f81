/** The tolerance of fixtures_test.ts is narrow enough: a configuration that is a little wrong is ten times outside it. */
import assert from "node:assert/strict";
import { noDrop } from "../../src/run/mod.ts";
import { fixture } from "../fixtures/read.ts";
import { blocksOf, distance, largest, openFolder, stateTolerance } from "../support.ts";
import { finalStreams } from "../run/states.ts";

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
