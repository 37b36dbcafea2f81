/** Layers in parts: the numbers of the whole layer, for every way in which norms and biases stand around a module. */
import assert from "node:assert/strict";
import { layerTensors, type Model, randomWeights, readSpec, scoring } from "core/models/mod.ts";
import type { Engine, Feeds } from "core/engine/mod.ts";
import { normalDraw } from "core/kernels/mod.ts";
import { forward, gramProbe, noDrop, type Probe, reference, score, segmentsOf } from "core/run/mod.ts";
import { headSlices } from "core/run/head/head.ts";
import { layerParts, PART_BYTES } from "core/run/weights/parts.ts";
import { elements, float32 } from "core/tensor/mod.ts";
import type { Cut, Lease, WeightSource } from "core/weights/mod.ts";
import { distance, engineWith, largest, stateTolerance, withFixture } from "../../model.ts";
import { engine, randomBlocks } from "../../support.ts";
import { readJson } from "../../fixtures/read.ts";
import { stepLogits } from "./states.ts";

const MIB = 2 ** 20;
const draw = normalDraw(engine);

/** An engine that takes a 256th of what others take at once: parts are as many as those of layers 256 times as large. */
const LIMIT = PART_BYTES / 256;
const limited = engineWith({ bindingBytes: LIMIT });
/** One that takes a quarter of that. */
const LEAST = LIMIT / 4;
const narrow = engineWith({ bindingBytes: LEAST });

/** Modules of more than one part each: narrow streams, wide insides. */
const inside = { num_attention_heads: 16, num_hidden_layers: 1, vocab_size: 50 };
const wide = { hidden_size: 32, intermediate_size: 1500, head_dim: 128 };
const configs = {
  llama: { model_type: "llama", ...wide, num_key_value_heads: 8 },
  gemma2: { model_type: "gemma2", ...wide, num_key_value_heads: 8 },
  olmo2: { model_type: "olmo2", ...wide },
  gpt_neox: { model_type: "gpt_neox", hidden_size: 256, intermediate_size: 563 },
};

/** Parts of attention and of the MLP, of `LIMIT` at most. */
const parts = { llama: [2, 2], gemma2: [2, 2], olmo2: [1, 2], gpt_neox: [3, 3] };

for (const [name, config] of Object.entries(configs)) {
  Deno.test(`${name}: a layer in parts gives the numbers of the whole`, async () => {
    const model = modelOf(name, config);
    const { attention, mlp } = await layerParts(model, limited, draw, 0, false);
    assert.deepEqual([attention.length, mlp.length], parts[name as keyof typeof configs]);
    expectEqual(await sumsOf(model, limited), await sumsOf(leased(model)), tolerance(model));
  });

  Deno.test(`${name}: so does a layer that is at hand, in parts that an engine can bind`, async () => {
    const model = leased(modelOf(name, config));
    const { attention, mlp, release } = await layerParts(model, narrow, draw, 0, false);
    // q/k norms over all heads keep OLMo 2's attention whole.
    assert.deepEqual([attention.length > 1, mlp.length > 1], [name !== "olmo2", true]);
    for (const part of [...name === "olmo2" ? [] : attention, ...mlp]) {
      await part.use((weights) => Promise.resolve(expectAtMost(weights, LEAST)));
    }
    release();
    expectEqual(await sumsOf(model, narrow), await sumsOf(model), tolerance(model));
  });
}

Deno.test("what looks inside attention sees all its heads at once, and an MLP in parts", async () => {
  const model = modelOf("llama", configs.llama);
  const { attention, mlp } = await layerParts(model, limited, draw, 0, true);
  assert.deepEqual([attention.length, mlp.length], [1, parts.llama[1]]);
  const heads: number[] = [];
  const probe: Probe = { attention: ({ q }, attention) => (heads.push(scoring(attention)!.heads), { q }) };
  expectEqual(await sumsOf(model, limited, [probe]), await sumsOf(leased(model)), tolerance(model));
  assert.deepEqual(new Set(heads), new Set([16]));
});

function expectAtMost(tensors: Feeds, bytes: number): void {
  const found = Object.values(tensors).reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  assert.ok(found > 0 && found <= bytes, `${found} bytes, expected at most ${bytes}`);
}

/** Biases of attention and MLP on both sides; those behind a module are to be added once, not by every part. Two layers. */
const biased = {
  llama: { ...configs.llama, attention_bias: true, mlp_bias: true, num_hidden_layers: 2 },
  gpt_neox: { ...configs.gpt_neox, num_hidden_layers: 2 },
};

for (const [name, config] of Object.entries(biased)) {
  Deno.test(`${name}: so does a layer whose biases are not zero, and they count`, async () => {
    const bare = modelOf(name, config);
    const model = { ...bare, weights: withBiases(bare.weights) };
    const whole = await sumsOf(leased(model));
    expectEqual(await sumsOf(model, limited), whole, tolerance(model));
    expectEqual(await sumsOf(leased(model), narrow), whole, tolerance(model));
    const without = await sumsOf(leased(bare));
    for (const kind of ["attention", "mlp"] as const) {
      const change = Math.abs(whole[1][kind]![0].distance / without[1][kind]![0].distance - 1);
      assert.ok(change > 0.01, `${kind}: biases change the importance by ${change} of it only`);
    }
  });
}

function modelOf(name: string, config: Record<string, unknown>): Model {
  const spec = readSpec({ ...inside, ...config }, name);
  return { name, spec, config, weights: randomWeights(spec, { seed: 1, std: 0.02, residualStd: 0.02 }) };
}

/** The same weights from a source that gives a layer as a whole or not at all. */
function leased(model: Model): Model {
  const { drawn: _, ...weights } = model.weights;
  return { ...model, weights };
}

/** The sums of every module over two short texts. */
async function sumsOf(model: Model, on: Engine = engine, inner: readonly Probe[] = []) {
  const probe = gramProbe(model.spec.layers);
  const segments = segmentsOf(randomBlocks(2, 8, 50));
  await forward({ model, engine: on, segments, plans: [noDrop], probes: [probe, ...inner] });
  assert.equal(engine.live, 0);
  return probe.sums;
}

function expectEqual(
  parts: Awaited<ReturnType<typeof sumsOf>>,
  whole: typeof parts,
  tolerance: number,
): void {
  for (const [l, layer] of whole.entries()) {
    for (const kind of ["attention", "mlp", "block"] as const) {
      for (const [i, sums] of layer[kind]!.entries()) {
        for (const key of ["distance", "magnitude", "sign"] as const) {
          // A sum over 8 tokens; both sides round as states do, a number above 1 in proportion.
          const difference = Math.abs(parts[l][kind]![i][key] - sums[key]);
          const bound = tolerance * Math.max(8, Math.abs(sums[key]));
          assert.ok(difference <= bound, `${kind} ${l} ${key}: ${difference}, at most ${bound}`);
        }
      }
    }
  }
}

/** The same weights with biases up to 1, no two neighbours alike. */
function withBiases(weights: WeightSource): WeightSource {
  const change = (l: number, { tensors, release }: Lease, cuts?: ReadonlyMap<string, Cut | null>): Lease => ({
    release,
    tensors: new Map([...tensors].map(([name, tensor]) => {
      if (!name.endsWith("proj.bias")) return [name, tensor];
      const start = cuts?.get(name)?.start ?? 0;
      const { length } = tensor.data;
      return [
        name,
        float32(tensor.shape, Float32Array.from({ length }, (_, i) => Math.sin(1 + l + start + i))),
      ];
    })),
  });
  return {
    ...weights,
    layer: async (l) => change(l, await weights.layer(l)),
    part: async (l, cuts) => change(l, await weights.part(l, cuts), cuts),
  };
}

/** Of a state, where the insides are wider than the stream. */
function tolerance({ spec }: Model): number {
  const widest = Math.max(...layerTensors(spec.layers[0], spec.hidden).flatMap(([, shape]) => shape));
  return stateTolerance({ ...spec, hidden: widest });
}

Deno.test("the parts of a 70B layer are small, and together they are the layer", async () => {
  const config = await readJson("data/configs/llama-3-70b.json");
  const spec = readSpec(config, "llama-3-70b");
  const asked: (readonly [string, number])[][] = [];
  const weights = randomWeights(spec, { seed: 1, std: 1, residualStd: 1 });
  const shapes = new Map(layerTensors(spec.layers[0], spec.hidden).map(([name, shape]) => [name, shape]));
  const counting = {
    ...weights,
    part(_: number, cuts: Parameters<NonNullable<typeof weights.part>>[1]) {
      asked.push([...cuts].map(([name, cut]) => {
        const shape = shapes.get(name)!;
        return [name, elements(shape) * (cut ? (cut.end - cut.start) / shape[cut.axis] : 1)];
      }));
      return Promise.resolve({ tensors: new Map(), release() {} });
    },
  };
  const model = { name: "", spec, config, weights: counting };
  const { attention, mlp } = await layerParts(model, engine, draw, 0, false);
  for (const part of [...attention, ...mlp]) await part.use(() => Promise.resolve());
  const total = new Map<string, number>();
  for (const [name, count] of asked.flat()) total.set(name, (total.get(name) ?? 0) + count);
  for (const [name, shape] of shapes) {
    if (shape.length === 2) assert.equal(total.get(name), elements(shape), name);
  }
  const largest = Math.max(...asked.map((part) => part.reduce((sum, [, count]) => sum + 4 * count, 0)));
  assert.ok(largest <= PART_BYTES, `${largest / MIB} MiB`);
});

Deno.test("the head's rows are cut by number and by bytes, and are all of them, in order", () => {
  const spec = { vocabulary: 20000, hidden: 1024 };
  for (const [bytes, most] of [[Infinity, 8192], [MIB, 256], [MIB - 1, 255], [1, 1]]) {
    const slices = headSlices(spec, bytes);
    assert.deepEqual([slices[0], slices.at(-1)![1]], [[0, most], spec.vocabulary]);
    slices.forEach(([start, end], i) => {
      assert.equal(start, slices[i - 1]?.[1] ?? 0);
      assert.ok(end > start && end - start <= most);
    });
  }
});

Deno.test("scores and logits are the same where head and layers are bound in many parts", () =>
  withFixture("gemma2", async ({ model, blocks }) => {
    const results = [];
    for (const on of [engine, engineWith({ bindingBytes: 4 * model.spec.hidden * 7 })]) {
      const run = { model, engine: on, segments: segmentsOf(blocks) };
      const full = await reference(run);
      const [[sums]] = await score({ ...run, plans: [noDrop], reference: full });
      full.free();
      const [logits] = await stepLogits({ model, engine: on, budget: 0 }, blocks.ids.subarray(0, 5), 5);
      results.push({ nll: sums.nll, logits });
    }
    const [whole, sliced] = results;
    // The limit cuts the layers as well: a logit moves by the relative error of a state, −ln p by at most twice that.
    const tolerance = stateTolerance(model.spec) * largest(whole.logits);
    assert.ok(distance(whole.logits, sliced.logits) <= tolerance);
    assert.ok(Math.abs(whole.nll - sliced.nll) <= 2 * tolerance * (blocks.length - 1));
  }));
