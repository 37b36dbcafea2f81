/** The streams that leave the last layer, by plan, and the loss of logits. */
import type { Engine } from "../../src/engine/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import { type Blocks, type DropPlan, forward, segmentsOf } from "../../src/run/mod.ts";
import { engine } from "../support.ts";

/** Final stream of each plan, all samples in a row [N · T · D]. */
export async function finalStreams(
  model: Model,
  blocks: Blocks,
  plans: readonly DropPlan[],
  budget?: number,
  on: Engine = engine,
): Promise<Float32Array[]> {
  const size = blocks.length * model.spec.hidden;
  const streams = plans.map(() => new Float32Array(blocks.samples * size).fill(NaN));
  await forward({
    model,
    engine: on,
    segments: segmentsOf(blocks),
    plans,
    budget,
    async finish(states, batches) {
      for (const state of states) {
        for (const [b, { first }] of batches.entries()) {
          const { data } = await on.read(state.batches[b]);
          state.plans.forEach((plan) => streams[plan].set(data as Float32Array, first * size));
        }
      }
    },
  });
  return streams;
}

/** Nats of the tokens [T] after the first, from the logits [T, V] of all. */
export function nllOf(ids: Int32Array, logits: Float32Array): number {
  const words = logits.length / ids.length;
  let sum = 0;
  for (let t = 0; t + 1 < ids.length; t++) {
    const row = logits.subarray(t * words, (t + 1) * words);
    const most = row.reduce((a, b) => Math.max(a, b));
    sum += Math.log(row.reduce((total, z) => total + Math.exp(z - most), 0)) + most - row[ids[t + 1]];
  }
  return sum;
}
