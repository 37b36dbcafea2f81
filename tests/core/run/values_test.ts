/** What is seen inside a pass: values of latent attention, the load of experts, the entropy of routers, and the head's logits of a stream. */
import assert from "node:assert/strict";
import type { Model } from "core/models/mod.ts";
import { noDrop, type Observed, openLens, routingProbe, valuesProbe } from "core/run/mod.ts";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import type { RoutingSums } from "core/measure/mod.ts";
import { distance, engineWith, expectNear, largest, pass, stateTolerance, withFixture } from "../../model.ts";
import { engine, UNIT } from "../../support.ts";
import { fixtureNames } from "../../fixtures/read.ts";

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
          for (const [i, { data, shape }] of [q, k, v, mixed].entries()) {
            assert.deepEqual(shape, [length, heads, i < 2 ? key : value]);
            assert.equal(data.length, shape.reduce((a, b) => a * b));
          }
          const { data, shape: [, , hidden] } = tensors.get(`a.${layer}`)!;
          const wanted = data.subarray(sample * length * hidden, (sample + 1) * length * hidden);
          const most = 2 * stateTolerance(model.spec) * largest(wanted);
          const error = distance(await projected(model, layer, mixed), wanted);
          assert.ok(error <= most, `update of layer ${layer}`);
          for (const { query, data } of attention) {
            const found = mixedBy(data, v);
            const own = mixed.data.subarray(query * heads * value, (query + 1) * heads * value);
            // Rounded shares of at most T keys, whose sum is 1, and scores of `key` products.
            const near = 8 * (length + key) * UNIT * largest(v.data);
            assert.ok(distance(found, own) <= near, `mixed of layer ${layer}, query ${query}`);
          }
        },
      );
      await pass(model, blocks, [probe]);
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

for (const name of fixtureNames) {
  Deno.test(`${name}: load and entropy of its routers`, () =>
    withFixture(name, async ({ model, blocks, expected: { meta } }) => {
      const probe = routingProbe(model.spec.layers, 1);
      const plans = [{ attention: [0], mlp: [] }, noDrop];
      if (meta.mixtures) await pass(model, blocks, [probe], { plans });
      const wanted = meta.mixtures ?? model.spec.layers.map(() => null);
      assert.deepEqual(probe.sums.map((layer) => layer === null), wanted.map((layer) => layer === null));
      for (const [l, samples] of probe.sums.entries()) {
        if (!samples) continue;
        assert.equal(samples.length, blocks.samples);
        const total = (read: (sample: RoutingSums) => number) =>
          samples.reduce((sum, sample) => sum + read(sample), 0);
        const choices = total(({ load }) => load.reduce((a, b) => a + b, 0));
        wanted[l]!.load.forEach((share, e) =>
          assert.equal(total(({ load }) => load[e]), Math.round(share * choices))
        );
        const entropy = total((sample) => sample.entropy) / total(({ tokens }) => tokens);
        // A logit is off by what a state is; the entropy by about as much, times a logit.
        assert.ok(
          Math.abs(entropy - wanted[l]!.entropy) < 20 * stateTolerance(model.spec),
          `${l}: ${entropy}`,
        );
      }
    }));
}

/** Entropy in nats and best token of logits, in float64. */
function shapeOf(logits: Float32Array): { entropy: number; best: number } {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const shares = Float64Array.from(logits, (z) => Math.exp(z - most));
  const sum = shares.reduce((a, b) => a + b);
  const log = (i: number) => logits[i] - most - Math.log(sum);
  const entropy = shares.reduce((total, share, i) => total - share / sum * log(i), 0);
  return { entropy, best: logits.indexOf(most) };
}

for (const name of ["llama", "gemma2", "cohere2", "gpt2"]) {
  for (const scale of [0, 1e-3, 1, 1e6]) {
    Deno.test(`${name}: slices of the vocabulary give the whole's logits, entropy and top token, for streams × ${scale}`, () =>
      withFixture(name, async ({ model, expected: { tensors } }) => {
        const { hidden, vocabulary } = model.spec;
        const x = tensors.get("x.2")!.data as Float32Array;
        const rows = x.length / hidden;
        const before = engine.live;
        // Slices of 7 rows, the last of 1.
        const on = engineWith({ bindingBytes: 4 * hidden * 7 });
        const lenses = [await openLens(model, engine), await openLens(model, on)];
        const stream = engine.upload(float32([rows, hidden], x.map((value) => scale * value)));
        const some = Int32Array.of(5, 0, 5, rows - 1);
        const [whole, sliced] = await Promise.all(
          lenses.map((lens) => lens.read(stream, some, ["top1", "logits", "entropy"])),
        );
        const alone = await lenses[1].read(stream, some, ["entropy"]);
        assert.deepEqual(alone, { entropy: sliced.entropy });
        const { data: logits } = whole.logits;
        assert.deepEqual(whole.logits.shape, [4, vocabulary]);
        expectNear(model.spec, sliced.logits.data, logits);
        some.forEach((_, i) => {
          const own = sliced.logits.data.subarray(i * vocabulary, (i + 1) * vocabulary);
          const { entropy, best } = shapeOf(own);
          // V terms p · ln p, each rounded a few times: |ln p| is at most the spread of the logits, or p is 0.
          const spread = Math.min(100, Math.max(...own) - Math.min(...own)) + Math.log(vocabulary);
          const most = 8 * UNIT * spread * Math.sqrt(vocabulary);
          const error = Math.abs(sliced.entropy.data[i] - entropy);
          assert.ok(error <= most, `entropy ${sliced.entropy.data[i]}, expected ${entropy} ± ${most}`);
          assert.equal(own[sliced.top1.data[i]], own[best]);
        });
        if (scale === 0) {
          assert.ok(sliced.entropy.data.every((value) => value <= Math.fround(Math.log(vocabulary))));
        }
        stream.free();
        for (const lens of lenses) await lens.release();
        assert.equal(engine.live, before);
      }));
  }
}
