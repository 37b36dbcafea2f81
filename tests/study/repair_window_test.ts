/** Refits of attention with a window: its output projection makes up for the keys that it no longer sees. */
import assert from "node:assert/strict";
import { type Change, type DropPlan, everyChange } from "../../src/measure/mod.ts";
import { tensorsOf } from "../../src/run/mod.ts";
import { perplexities, repair } from "../../src/study/mod.ts";
import { unjudged, withTiny } from "./tiny.ts";

const windowOf = (layer: number, keys: number, sinks = 0): Change => (
  { layer, module: "attention", to: "window", keys, sinks }
);

/** 256 tokens: eight times the 32 numbers that enter a projection. */
const many = { ...unjudged, by: "refit" } as const;

Deno.test("a window of the whole text leaves nothing to make up for, and its projection as it was", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plan: DropPlan = { attention: [], mlp: [], changes: [windowOf(1, 256)] };
    const [change] = everyChange(await repair(model, plan, { ...options, ...many }));
    const { tensors, release } = await model.weights.part(1, new Map([["attention.o_proj.weight", null]]));
    const stored = tensors.get("attention.o_proj.weight")!.data as Float32Array;
    const own = tensorsOf(change).get("o_proj.weight")!.data as Float32Array;
    own.forEach((value, i) => assert.ok(Math.abs(value - stored[i]) < 1e-7)); // targets are zeros
    release();
  }));

for (const sequential of [false, true]) {
  const how = sequential ? "in sequence" : "on the full model's stream";
  Deno.test(`a refit of windows ${how} keeps keys and sinks, brings tensors, and runs`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const plan: DropPlan = { attention: [], mlp: [], changes: [windowOf(0, 2, 1), windowOf(2, 3)] };
      const repaired = await repair(model, plan, { ...options, ...many, sequential });
      const changes = everyChange(repaired);
      assert.deepEqual(
        changes.map((change) => ({ ...change, tensors: undefined })),
        [windowOf(0, 2, 1), windowOf(2, 3)].map((change) => ({ ...change, tensors: undefined })),
      );
      assert.deepEqual(changes.map((change) => [...tensorsOf(change).keys()]), [["o_proj.weight"], [
        "o_proj.weight",
      ]]);
      const [full, bare, refitted] = await perplexities(model, [{}, plan, repaired], {
        ...options,
        ...unjudged,
      });
      assert.equal(new Set([full.nll, bare.nll, refitted.nll]).size, 3);
      assert.ok(refitted.kl < bare.kl); // it is fitted on the same text, towards the full model
    }));
}

Deno.test("a plan of windows is repaired by refit alone, and not behind a norm", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plan: DropPlan = { attention: [], mlp: [], changes: [windowOf(1, 2)] };
    await assert.rejects(
      repair(model, plan, { ...options, ...many, by: "linear" }),
      /the plan drops nothing, expected at least one dropped module/,
    );
    await withTiny(
      async ({ model }) => {
        await assert.rejects(
          repair(model, plan, { ...options, ...many }),
          /by refit: attention 1 has a norm behind it, expected an output projection that adds to the stream/,
        );
      },
      "gemma3",
    );
  }));
