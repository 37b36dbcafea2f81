/**
 * Importance as the official code's hooks see it, against Hugging Face with the same four hooks
 * (`fixtures/make_llm_drop.py`). A mean of n cosines is off by at most the states' relative errors together, over √n.
 */
import assert from "node:assert/strict";
import type { OfficialDifference } from "../../src/result/mod.ts";
import { forward, llmDropProbe, noDrop, segmentsOf } from "../../src/run/mod.ts";
import { againstLlmDrop, profile } from "../../src/study/mod.ts";
import { distance, engine, stateTolerance, withFixture } from "../support.ts";
import { withTiny } from "./tiny.ts";
import { readJson } from "../fixtures/read.ts";

const expected: Record<string, Record<"attention" | "mlp", number[]>> = await readJson(
  "tests/fixtures/llm_drop.json",
);

for (const [name, official] of Object.entries(expected)) {
  Deno.test(`${name}: what llm-drop would measure`, () =>
    withFixture(name, async ({ model, blocks, expected: { meta } }) => {
      const probe = llmDropProbe(model.spec.layers);
      await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [probe] });
      const tolerance = 2 * stateTolerance(model.spec) / Math.sqrt(blocks.ids.length);
      for (const kind of ["attention", "mlp"] as const) {
        const measured = probe.sums[kind].map((sum) => sum.distance / sum.counted);
        assert.ok(probe.sums[kind].every(({ counted }) => counted === blocks.ids.length));
        const error = distance(measured, official[kind]);
        assert.ok(error <= tolerance, `${kind}: off by ${error}, expected at most ${tolerance}`);
        const apart = distance(official[kind], meta[kind].importance);
        assert.equal(apart <= tolerance, name === "llama", `${kind}: the definitions are ${apart} apart`);
      }
    }));
}

Deno.test("gemma2: both definitions side by side, over the same text as the profile", () =>
  withTiny(async ({ model, options }) => {
    const against = await againstLlmDrop(model, options);
    const ours = await profile(model, options);
    assert.equal(against.same, false);
    assert.deepEqual(against.provenance, ours.provenance);
    for (const kind of ["attention", "mlp"] as const) {
      const { importance, official, difference }: OfficialDifference = against[kind];
      assert.deepEqual(importance, ours[kind].importance);
      assert.deepEqual(difference, importance.map((value, l) => official[l]! - value!));
      assert.ok(difference.every((value) => Math.abs(value!) > 1e-3));
    }
  }, "gemma2"));

Deno.test("llama: the definitions are the same, and nothing is run for the second", () =>
  withTiny(async ({ model, options }) => {
    const against = await againstLlmDrop(model, options);
    assert.equal(against.same, true);
    assert.deepEqual(against.mlp.official, against.mlp.importance);
    assert.deepEqual(against.attention.difference, [0, 0, 0]);
    assert.equal(against.attention.rankCorrelation, 1);
  }));

Deno.test("olmo2: without a norm in front of its modules there is nothing that llm-drop could hook", () =>
  withTiny(async ({ model, options }) => {
    await assert.rejects(() => againstLlmDrop(model, options), {
      name: "TypeError",
      message: /^Cannot compare .* with llm-drop: olmo2 has no norm before its modules, expected one/,
    });
  }, "olmo2"));
