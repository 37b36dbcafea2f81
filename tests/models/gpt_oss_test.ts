/** gpt-oss whole, its experts packed as they are published: the same model as with experts in float32. */
import assert from "node:assert/strict";
import type { Tensor } from "../../src/tensor/mod.ts";
import { bufferSource } from "../../src/hub/mod.ts";
import { loadGguf, readSpec, softmaxOf } from "../../src/models/mod.ts";
import { openGguf, openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
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

/** The same experts in a GGUF file, and what they lack there: attention and norms. */
const GGUF = new URL("../fixtures/gguf/gpt-oss-packed.gguf", import.meta.url);

const openPacked = async () => openGguf(bufferSource("packed.gguf", await Deno.readFile(GGUF)));

/** What the fixture, which is a mixture alone, has not. */
async function others(): Promise<Map<string, Tensor>> {
  const file = await openPacked();
  const read = async (name: string, stored: string) => [name, await file.read(stored)] as const;
  const layer = (name: string, stored: string) => read(`model.layers.0.${name}`, `blk.0.${stored}`);
  const tensors = await Promise.all([
    layer("input_layernorm.weight", "attn_norm.weight"),
    layer("self_attn.sinks", "attn_sinks.weight"),
    ...[["q_proj", "attn_q"], ["k_proj", "attn_k"], ["v_proj", "attn_v"], ["o_proj", "attn_output"]].flatMap(
      ([part, stored]) =>
        ["weight", "bias"].map((kind) => layer(`self_attn.${part}.${kind}`, `${stored}.${kind}`)),
    ),
  ]);
  file.close();
  return new Map(tensors);
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
    const tensors = await others();
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

Deno.test("gpt-oss packed in a GGUF file is the model packed in a folder", async () => {
  const file = await openPacked();
  assert.equal(file.tensors.get("blk.0.ffn_gate_exps.weight")!.type, "MXFP4");
  const model = await loadGguf(file, "packed.gguf");
  const { rope_scaling, rope_theta, max_position_embeddings, sliding_window } = model.config;
  const said = { rope_scaling, rope_theta, max_position_embeddings, sliding_window, swiglu_limit: 7 };
  const packed = await sumsOf("packed", said);
  assert.deepEqual(await gramSums(model, randomBlocks(2, 20, config.vocab_size)), packed);
  assert.notDeepEqual(
    await sumsOf("packed", { ...said, swiglu_limit: 1.5 }),
    packed,
    "the limit must matter",
  );
  model.weights.close();
});

Deno.test("gpt-oss packed in another way is refused; without a word on its rotation it has the published one", () => {
  const quantised = { ...config, quantization_config: { quant_method: "gptq" } };
  assert.throws(() => readSpec(quantised, "x"), /weights are quantised by gptq, expected mxfp4 or none/);
  const { rope } = softmaxOf(readSpec(config, "x").layers[0])!;
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
