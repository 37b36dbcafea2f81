/** Layers in parts: the numbers of the whole layer, for every way in which norms and biases stand around a module. */
import assert from "node:assert/strict";
import { layerTensors, type ModelSpec, randomWeights, readSpec } from "../../src/models/mod.ts";
import { forward, gramProbe, noDrop } from "../../src/run/mod.ts";
import { layerParts, PART_BYTES } from "../../src/run/parts.ts";
import { elements } from "../../src/tensor/mod.ts";
import { engine, randomBlocks, stateTolerance } from "../support.ts";

/** Modules of more than one part each: narrow streams, wide insides. */
const inside = { num_attention_heads: 16, num_hidden_layers: 2, vocab_size: 50 };
const configs = {
  llama: {
    model_type: "llama",
    hidden_size: 512,
    intermediate_size: 24000,
    head_dim: 2048,
    num_key_value_heads: 8,
  },
  gemma2: {
    model_type: "gemma2",
    hidden_size: 512,
    intermediate_size: 24000,
    head_dim: 2048,
    num_key_value_heads: 8,
  },
  olmo2: { model_type: "olmo2", hidden_size: 512, intermediate_size: 24000, head_dim: 2048 },
  gpt_neox: { model_type: "gpt_neox", hidden_size: 4096, intermediate_size: 9000 },
};

for (const [name, config] of Object.entries(configs)) {
  Deno.test(`${name}: a layer in parts gives the numbers of the whole`, async () => {
    const spec = readSpec({ ...inside, ...config }, name);
    const weights = randomWeights(spec, { seed: 1, std: 0.02, residualStd: 0.02 });
    const model = { name, spec, weights, config };
    const { attention, mlp } = await layerParts(model, 0, false);
    assert.equal(attention.length, name === "olmo2" ? 1 : attention.length);
    assert.ok(name === "olmo2" || attention.length > 1, "attention is to be cut");
    assert.ok(mlp.length > 1, "the MLP is to be cut");
    const run = async (whole: boolean) => {
      const probe = gramProbe(spec.layers);
      const inner = whole ? [{ attention: () => ({}) }] : []; // a probe that looks inside wants the layer whole
      const blocks = randomBlocks(2, 8, 50);
      await forward({ model, engine, blocks, plans: [noDrop], probes: [probe, ...inner] });
      return probe.sums;
    };
    const [parts, whole] = [await run(false), await run(true)];
    for (const [l, layer] of whole.entries()) {
      for (const kind of ["attention", "mlp", "block"] as const) {
        for (const [i, sums] of layer[kind]!.entries()) {
          for (const key of ["distance", "magnitude", "sign"] as const) {
            // A sum over 8 tokens of numbers of order 1 or less; both sides round as states do.
            const difference = Math.abs(parts[l][kind]![i][key] - sums[key]);
            assert.ok(difference <= 8 * tolerance(spec), `${kind} ${l} ${key}: ${difference}`);
          }
        }
      }
    }
  });
}

/** Of a state, where the insides are wider than the stream. */
function tolerance(spec: ModelSpec): number {
  const widest = Math.max(...layerTensors(spec.layers[0], spec.hidden).flatMap(([, shape]) => shape));
  return stateTolerance({ ...spec, hidden: widest });
}

Deno.test("the parts of a 70B layer are small, and together they are the layer", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../data/configs/llama-3-70b.json", import.meta.url)),
  );
  const spec = readSpec(config, "llama-3-70b");
  const asked: (readonly [string, number])[][] = [];
  const weights = randomWeights(spec, { seed: 1, std: 1, residualStd: 1 });
  const shapes = new Map(layerTensors(spec.layers[0], spec.hidden));
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
  const { attention, mlp } = await layerParts({ name: "", spec, config, weights: counting }, 0, false);
  for (const part of [...attention, ...mlp]) await part.use(() => Promise.resolve());
  const total = new Map<string, number>();
  for (const [name, count] of asked.flat()) total.set(name, (total.get(name) ?? 0) + count);
  for (const [name, shape] of shapes) {
    if (shape.length === 2) assert.equal(total.get(name), elements(shape), name);
  }
  const largest = Math.max(...asked.map((part) => part.reduce((sum, [, count]) => sum + 4 * count, 0)));
  // Two of eight key heads are the least that fits evenly: a little more than the limit.
  assert.ok(largest <= 1.2 * PART_BYTES, `${largest / 2 ** 20} MiB`);
});
