/** Random weights made in one worker or in two at a time: the bits of the layer that this thread makes as a whole. */
import assert from "node:assert/strict";
import { layerTensors, randomWeights, readSpec } from "../../src/models/mod.ts";
import type { Cut } from "../../src/weights/mod.ts";
import type { Made, Wanted } from "./init_worker.ts";

const [SEED, LAYER] = [11, 2];
/** Sides that no power of two divides evenly, so that halves begin at odd places. */
const config = {
  model_type: "qwen2",
  hidden_size: 90,
  intermediate_size: 171,
  num_hidden_layers: 3,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 40,
};
const spec = readSpec(config, "test");
const needs = layerTensors(spec.layers[LAYER], spec.hidden);

/** The layer as this thread makes it, as bits. */
const whole = await (async () => {
  const weights = randomWeights(spec, { std: 0.02, residualStd: 0.005, seed: SEED });
  const { tensors } = await weights.layer(LAYER);
  return new Map([...tensors].map(([name, { data }]) => [name, bits(data as Float32Array)]));
})();

function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(Float32Array.from(values).buffer);
}

/** What a worker of its own makes. */
async function inWorker(cuts: Wanted["cuts"]): Promise<Made> {
  const worker = new Worker(new URL("init_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage({ config, seed: SEED, layer: LAYER, cuts } satisfies Wanted);
    });
  } finally {
    worker.terminate();
  }
}

/** The part of a tensor's bits that a cut names. */
function cutOf(name: string, { axis, start, end }: Cut): Uint32Array {
  const [, columns = 1] = needs.find(([need]) => need === name)![1];
  return whole.get(name)!.filter((_, i) => {
    const place = axis === 0 ? Math.floor(i / columns) : i % columns;
    return place >= start && place < end;
  });
}

Deno.test("one worker makes the layer that this thread makes", async () => {
  const made = await inWorker(needs.map(([name]) => [name, null]));
  assert.deepEqual(made.map(([name]) => name), [...whole.keys()]);
  for (const [name, values] of made) assert.deepEqual(bits(values), whole.get(name), name);
});

for (const axis of [0, 1] as const) {
  Deno.test(`two workers at a time, half of every tensor's ${axis ? "columns" : "rows"} each, make it too`, async () => {
    const cuttable = needs.filter(([, shape]) => shape.length > axis);
    const halves = [0, 1].map((half) =>
      cuttable.map(([name, shape]) => {
        const middle = Math.floor(shape[axis] / 2);
        const [start, end] = half ? [middle, shape[axis]] : [0, middle];
        return [name, { axis, start, end }] as const;
      })
    );
    const made = await Promise.all(halves.map(inWorker));
    for (const [half, cuts] of halves.entries()) {
      for (const [i, [name, cut]] of cuts.entries()) {
        assert.deepEqual(
          [made[half][i][0], bits(made[half][i][1])],
          [name, cutOf(name, cut)],
          `half ${half}`,
        );
      }
    }
    const count = made.flat().reduce((sum, [, values]) => sum + values.length, 0);
    assert.equal(
      count,
      cuttable.reduce((sum, [name]) => sum + whole.get(name)!.length, 0),
      "nothing is left out",
    );
  });
}
