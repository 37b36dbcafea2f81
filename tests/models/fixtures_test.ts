/**
 * Every family and feature, in both dialects of its configuration, against Hugging Face's float32 on the CPU.
 *
 * States agree within `stateTolerance` (support.ts). A mean over n tokens has 1/√n of a token's error; a cosine at most the
 * relative errors of its two vectors together. That a mistake is outside: mistakes_test.ts.
 */
import assert from "node:assert/strict";
import { mean } from "../../src/measure/mod.ts";
import type { Engine } from "../../src/engine/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import {
  type Blocks,
  forward,
  noDrop,
  type Observation,
  type Probe,
  reference,
  score,
  segmentsOf,
  take,
} from "../../src/run/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { type Fixture, fixtureNames } from "../fixtures/read.ts";
import {
  dialects,
  distance,
  engine,
  engineWith,
  gramSums,
  largest,
  stateTolerance,
  withFixture,
} from "../support.ts";

const values = ({ data }: Tensor) => data as Float32Array;

/** Elements of an expected [N, T, D] for samples [first, first + count). */
function expectedAt({ tensors }: Fixture, name: string, { first, count }: { first: number; count: number }) {
  const { shape: [, tokens, hidden], data } = tensors.get(name)!;
  return data.subarray(first * tokens * hidden, (first + count) * tokens * hidden) as Float32Array;
}

function agrees(actual: Float32Array, expected: Float32Array, tolerance: number, what: string) {
  const error = distance(actual, expected) / largest(expected);
  assert.ok(error <= tolerance, `${what}: relative error ${error}, expected at most ${tolerance}`);
}

/** Holds x, a and m of every layer against the expected ones, and their sum against the next stream, to the last bit. */
function stateProbe(model: Model, expected: Fixture): Probe {
  return {
    update: ({ x, a, m, y }) => ({ seen_x: x, seen_a: a!, seen_m: m!, seen_y: y }),
    observeUpdate(seen: Observation) {
      const [x, a, m, y] = ["x", "a", "m", "y"].map((name) => values(seen.outputs[`seen_${name}`]));
      for (const [name, actual] of Object.entries({ x, a, m })) {
        const key = `${name}.${seen.layer}`;
        agrees(actual, expectedAt(expected, key, seen), stateTolerance(model.spec), key);
      }
      const next = x.map((value, i) => Math.fround(value + a[i]) + m[i]); // a Float32Array rounds the second sum
      assert.deepEqual(next, y, `layer ${seen.layer}: x + a + m`);
    },
  };
}

/** Runs a tiny model over its texts, and holds everything in the stream against what is expected. */
async function expectStates(
  engine: Engine,
  { model, blocks, expected }: { model: Model; blocks: Blocks; expected: Fixture },
): Promise<void> {
  let finished = 0;
  await forward({
    model,
    engine,
    segments: segmentsOf(blocks),
    plans: [noDrop],
    probes: [stateProbe(model, expected)],
    async finish([state], batches) {
      for (const [b, batch] of batches.entries()) {
        agrees(
          values(await take(engine, state.batches[b])),
          expectedAt(expected, "final", batch),
          stateTolerance(model.spec),
          "final",
        );
        finished += batch.count;
      }
    },
  });
  assert.equal(finished, blocks.samples);
}

for (const name of fixtureNames) {
  for (const config of dialects) {
    Deno.test(`${name}, ${config}: states, updates and their sum`, () =>
      withFixture(name, (opened) => expectStates(engine, opened), config));
  }

  for (const attention of ["grouped-without-softcap", "standard", "decomposed"] as const) {
    Deno.test(`${name}, attention ${attention}: states, updates and their sum`, () =>
      withFixture(name, (opened) => expectStates(engineWith({ attention }), opened)));
  }

  Deno.test(`${name}: importance, relative magnitude and sign`, () =>
    withFixture(name, async ({ model, blocks, expected: { meta } }) => {
      const sums = await gramSums(model, blocks);
      const tolerance = 2 * stateTolerance(model.spec) / Math.sqrt(blocks.ids.length);
      for (const kind of ["attention", "mlp", "block"] as const) {
        const { importance, relativeMagnitude, sign } = meta[kind];
        sums.forEach((layer, l) => {
          const measured = (key: "distance" | "magnitude" | "sign") =>
            mean(layer[kind]!.map((sample) => sample[key] / sample.counted));
          const errors = [
            Math.abs(measured("distance") - importance[l]),
            Math.abs(measured("magnitude") - relativeMagnitude[l]) / relativeMagnitude[l],
            Math.abs(measured("sign") - sign[l]),
          ];
          assert.ok(Math.max(...errors) <= tolerance, `${kind} ${l}: ${errors}, at most ${tolerance}`);
        });
      }
    }));

  // −ln p and KL move by at most twice what the logits move by, and those by the relative error of the normed state.
  Deno.test(`${name}: nll, KL and top-1 of the full model and of two plans`, () =>
    withFixture(name, async ({ model, blocks, expected: { meta, tensors } }) => {
      const plans = Object.values(meta.cases);
      const full = await reference({ model, engine, segments: segmentsOf(blocks) });
      const scores = await score({ model, engine, segments: segmentsOf(blocks), plans, reference: full });
      const predicted = blocks.samples * (blocks.length - 1);
      const tolerance = 2 * stateTolerance(model.spec) * largest(tensors.get("logits")!.data) /
        Math.sqrt(predicted);
      scores.forEach((samples, i) => {
        const total = (key: "nll" | "kl" | "top1" | "tokens") => samples.reduce((sum, s) => sum + s[key], 0);
        assert.equal(total("tokens"), predicted);
        assert.equal(total("top1"), Math.round(plans[i].top1 * predicted));
        for (const key of ["nll", "kl"] as const) {
          const error = Math.abs(total(key) / predicted - plans[i][key]);
          assert.ok(error <= tolerance, `case ${i}, ${key}: off by ${error}, expected at most ${tolerance}`);
        }
      });
    }));
}
