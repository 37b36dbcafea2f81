/** The streams that leave the last layer, by plan. */
import type { Model } from "../../src/models/mod.ts";
import { type Blocks, type DropPlan, forward } from "../../src/run/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { engine } from "../support.ts";

/** Final stream of each plan, all samples in a row [N · T · D]. */
export async function finalStreams(
  model: Model,
  blocks: Blocks,
  plans: readonly DropPlan[],
  budget?: number,
): Promise<Float32Array[]> {
  const size = blocks.length * model.spec.hidden;
  const streams = plans.map(() => new Float32Array(blocks.samples * size).fill(NaN));
  await forward({
    model,
    engine,
    blocks,
    plans,
    budget,
    finish(states, batches) {
      for (const state of states) {
        batches.forEach(({ first }, b) => {
          const { data } = state.batches[b] as Tensor;
          state.plans.forEach((plan) => streams[plan].set(data as Float32Array, first * size));
        });
      }
      return Promise.resolve();
    },
  });
  return streams;
}
