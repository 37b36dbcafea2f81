/**
 * The engine `cuda` on a real device against the CPU's: final streams of every family. Skipped, with the reason, where there is
 * none; what needs no numbers is tested on stand-ins (cuda_test.ts).
 *
 * Both sides are off by `stateTolerance` at most. Where factors of products are rounded to p bits, that error is 2^(24 − p) times
 * as large: 11 for TF32, 8 for BF16.
 */
import assert from "node:assert/strict";
import { cudaEngine, type Engine, type Precision } from "../../src/engine/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import { type Blocks, forward, freeStates, noDrop, segmentsOf } from "../../src/run/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { distance, engine as cpu, largest, stateTolerance, withFixture } from "../support.ts";

const BITS: Record<Precision, number> = { float32: 24, tf32: 11, bfloat16: 8 };

/** Whether there is a device, or why not. */
function found(): string | null {
  try {
    cudaEngine();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The streams that leave the last layer, batch after batch. */
async function finalStreams(model: Model, engine: Engine, blocks: Blocks): Promise<number[]> {
  const streams: number[] = [];
  await forward({
    model,
    engine,
    segments: segmentsOf(blocks),
    plans: [noDrop],
    async finish(states) {
      for (const held of states[0].batches) {
        for (const value of (await engine.read(held)).data) streams.push(Number(value));
      }
      freeStates(states);
    },
  });
  return streams;
}

const lacks = found();
for (const [precision, bits] of Object.entries(BITS)) {
  const name = `${precision} on CUDA: the streams of every family are the CPU's`;
  Deno.test({
    name: lacks === null ? name : `${name} (skipped: ${lacks})`,
    ignore: lacks !== null,
    async fn() {
      const engine = cudaEngine({ precision: precision as Precision });
      for (const fixture of fixtureNames) {
        await withFixture(fixture, async ({ model, blocks }) => {
          const expected = await finalStreams(model, cpu, blocks);
          const error = distance(await finalStreams(model, engine, blocks), expected) / largest(expected);
          const most = 2 * stateTolerance(model.spec) * 2 ** (24 - bits);
          assert.ok(error <= most, `${fixture}: relative error ${error}, at most ${most}`);
          assert.equal(engine.live, 0);
        });
      }
      await engine.close();
    },
  });
}
