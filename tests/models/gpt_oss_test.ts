/** gpt-oss whole, its experts packed as they are published: the same model as with experts in float32. */
import assert from "node:assert/strict";
import { fillNormal, float32, streamKeys, type Tensor } from "../../src/tensor/mod.ts";
import { bufferSource } from "../../src/hub/mod.ts";
import { readSpec } from "../../src/models/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { gramSums, openFolder, randomBlocks, withFolder } from "../support.ts";

const FIXTURE = new URL("../fixtures/gpt_oss/", import.meta.url);
const [HIDDEN, HEADS, KEYS, SIZE] = [64, 4, 2, 8];

const config = {
  model_type: "gpt_oss",
  vocab_size: 24,
  hidden_size: HIDDEN,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: HEADS,
  num_key_value_heads: KEYS,
  head_dim: SIZE,
  num_local_experts: 5,
  num_experts_per_tok: 2,
  swiglu_limit: 1.5,
  tie_word_embeddings: true,
};

/** What the fixture, which is a mixture alone, has not: attention and the norms. */
function others(): Map<string, Tensor> {
  const shapes: Record<string, number[]> = {
    "model.norm.weight": [HIDDEN],
    "model.layers.0.input_layernorm.weight": [HIDDEN],
    "model.layers.0.self_attn.sinks": [HEADS],
    "model.layers.0.self_attn.o_proj.weight": [HIDDEN, HEADS * SIZE],
    "model.layers.0.self_attn.o_proj.bias": [HIDDEN],
  };
  for (const [part, heads] of [["q", HEADS], ["k", KEYS], ["v", KEYS]] as const) {
    shapes[`model.layers.0.self_attn.${part}_proj.weight`] = [heads * SIZE, HIDDEN];
    shapes[`model.layers.0.self_attn.${part}_proj.bias`] = [heads * SIZE];
  }
  return new Map(
    Object.entries(shapes).map(([name, shape], i) => {
      const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
      fillNormal(data, streamKeys(1, 0, i), 0, 0.3);
      return [name, float32(shape, data)];
    }),
  );
}

/** The importance sums of the model with the fixture's experts, as they are stored. */
async function sumsOf(kind: "packed" | "plain", more: Record<string, unknown>) {
  let sums: unknown = null;
  await withFolder(async (folder) => {
    const bytes = await Deno.readFile(new URL(`${kind}.safetensors`, FIXTURE));
    const file = await openSafetensors({
      name: kind,
      list: () => ["model.safetensors"],
      open: () => Promise.resolve(bufferSource(kind, bytes)),
    });
    const tensors = others();
    for (const name of file.tensors.keys()) tensors.set(name, await file.read(name));
    await writeSafetensors(`${folder}/model.safetensors`, tensors);
    file.close();
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, ...more }));
    const model = await openFolder(folder);
    sums = await gramSums(model, randomBlocks(2, 20, config.vocab_size));
    model.close();
  });
  return sums;
}

Deno.test("gpt-oss with packed experts is the model with experts in float32", async () => {
  const packed = await sumsOf("packed", { quantization_config: { quant_method: "mxfp4" } });
  assert.deepEqual(packed, await sumsOf("plain", {}));
});

Deno.test("gpt-oss packed in another way is refused; without a word on its rotation it has the published one", () => {
  const quantised = { ...config, quantization_config: { quant_method: "gptq" } };
  assert.throws(() => readSpec(quantised, "x"), /weights are quantised by gptq, expected mxfp4 or none/);
  const { rope } = readSpec(config, "x").layers[0].attention!;
  assert.equal(rope!.theta, 150000);
  assert.deepEqual(rope!.scaling, {
    type: "yarn",
    factor: 32,
    attentionFactor: 0.1 * Math.log(32) + 1,
    betaFast: 32,
    betaSlow: 1,
    truncate: false,
    originalMaxPositions: 4096,
  });
});
