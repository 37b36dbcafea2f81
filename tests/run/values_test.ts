/** What is seen inside latent attention: its own sizes, whichever is the larger, and Hugging Face's update. */
import assert from "node:assert/strict";
import type { Model } from "../../src/models/mod.ts";
import { forward, noDrop, type Observed, segmentsOf, valuesProbe } from "../../src/run/mod.ts";
import { toFloat32 } from "../../src/tensor/mod.ts";
import { distance, engine, largest, stateTolerance, UNIT, withFixture } from "../support.ts";

// Keys of 12 numbers beside values of 6, and of 16.
for (const name of ["deepseek-v3", "deepseek-v3-plain"]) {
  Deno.test(`${name}: q, k, v and mixed have their own sizes; mixed gives the update and is the mix of v`, () =>
    withFixture(name, async ({ model, blocks, expected: { folder, tensors } }) => {
      const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
      const heads: number = config.num_attention_heads;
      const [key, value] = [config.qk_nope_head_dim + config.qk_rope_head_dim, config.v_head_dim];
      const { length } = blocks;
      let calls = 0;
      const probe = valuesProbe(
        model.spec.layers,
        ["q", "k", "v", "mixed", "attention"],
        async ({ layer, sample, q, k, v, mixed, attention }) => {
          calls++;
          for (const seen of [q, k]) assert.deepEqual(seen.shape, [length, heads, key]);
          for (const seen of [v, mixed]) assert.deepEqual(seen.shape, [length, heads, value]);
          for (const { data, shape } of [q, k, v, mixed]) {
            assert.equal(data.length, shape.reduce((a, b) => a * b));
          }
          const { data, shape: [, , hidden] } = tensors.get(`a.${layer}`)!;
          const wanted = data.subarray(sample * length * hidden, (sample + 1) * length * hidden);
          const most = 2 * stateTolerance(model.spec) * largest(wanted);
          assert.ok(
            distance(await projected(model, layer, mixed), wanted) <= most,
            `update of layer ${layer}`,
          );
          for (const { query, data } of attention) {
            const found = mixedBy(data, v);
            const own = mixed.data.subarray(query * heads * value, (query + 1) * heads * value);
            // Rounded shares of at most T keys, whose sum is 1, and scores of `key` products.
            const near = 8 * (length + key) * UNIT * largest(v.data);
            assert.ok(distance(found, own) <= near, `mixed of layer ${layer}, query ${query}`);
          }
        },
      );
      await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [probe] });
      assert.equal(calls, blocks.samples * model.spec.layers.length);
    }));
}

/** Mixed values [T, H, V] through the output projection [D, H · V] and its bias, in float64: [T · D]. */
async function projected(model: Model, layer: number, { data, shape }: Observed): Promise<Float64Array> {
  const { tensors, release } = await model.weights.layer(layer);
  const weight = toFloat32(tensors.get("attention.o_proj.weight")!);
  const bias = tensors.get("attention.o_proj.bias");
  const width = shape[1] * shape[2];
  const hidden = weight.length / width;
  const made = new Float64Array(shape[0] * hidden);
  for (let i = 0; i < made.length; i++) {
    const [row, column] = [Math.floor(i / hidden), i % hidden];
    if (bias) made[i] = toFloat32(bias)[column];
    for (let j = 0; j < width; j++) made[i] += data[row * width + j] * weight[column * width + j];
  }
  release();
  return made;
}

/** One query's shares [H, keys] times values [T, H, V]: [H · V]. */
function mixedBy(shares: Float32Array, { data, shape: [, heads, size] }: Observed): Float64Array {
  const keys = shares.length / heads;
  const made = new Float64Array(heads * size);
  for (let i = 0; i < made.length; i++) {
    const [head, j] = [Math.floor(i / size), i % size];
    for (let k = 0; k < keys; k++) made[i] += shares[head * keys + k] * data[(k * heads + head) * size + j];
  }
  return made;
}
