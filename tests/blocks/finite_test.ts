/** Products of bytes round numbers that are not finite to some that are: what they multiply is watched. */
import assert from "node:assert/strict";
import { cpuEngine } from "../../src/engine/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import { decoder } from "../../src/run/mod.ts";
import type { KeepsBlocks } from "../../src/weights/mod.ts";
import { BLOCK_KINDS, quantised } from "../quantised.ts";
import { withFixture } from "../support.ts";

/** The model with one wrong number in the values of its second layer, which the next product reads. */
function spoilt({ weights, ...model }: Model, bad: number): Model {
  async function layer(l: number, keeps?: KeepsBlocks) {
    const lease = await weights.layer(l, keeps);
    const name = "attention.v_proj.weight";
    if (l === 1) (lease.blocks?.get(name)?.scales ?? lease.tensors.get(name)!.data as Float32Array)[0] = bad;
    return lease;
  }
  return { ...model, weights: { ...weights, layer } };
}

for (const [label, kind] of Object.entries(BLOCK_KINDS)) {
  for (const precision of ["float32", "int8"] as const) {
    Deno.test(`${label}, ${precision}: values that are not finite end a step with an error`, () =>
      withFixture("llama", async ({ model: dense }) => {
        const engine = cpuEngine({ precision });
        for (const bad of [NaN, Infinity]) {
          for (const budget of [undefined, 0]) {
            const model = spoilt(quantised(dense, kind), bad);
            const opened = await decoder({ model, engine, budget });
            await assert.rejects(opened.prefill([Int32Array.of(1, 2, 3)]), RangeError);
            await opened.release();
          }
        }
        assert.equal(engine.live, 0);
      }));
  }
}
