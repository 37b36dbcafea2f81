/** gpt-oss whole, of one layer, from the experts of the fixture `gpt_oss` and attention that the GGUF file of them has. */
import { bufferSource, writeSafetensors } from "../../buffer.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { type GgufFile, openGguf, openSafetensors } from "core/weights/mod.ts";

const FIXTURE = new URL("../../fixtures/gpt_oss/", import.meta.url);
const [HIDDEN, HEADS, KEYS, SIZE] = [64, 4, 2, 8];

export const gptOssConfig = {
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

const GGUF = new URL("../../fixtures/gguf/gpt-oss-packed.gguf", import.meta.url);

/** The same experts in a GGUF file, and what they lack in the fixture: attention and norms. */
export const openPacked = async (): Promise<GgufFile> =>
  openGguf(bufferSource("packed.gguf", await Deno.readFile(GGUF)));

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

/** Writes the folder, with experts as they are published or in BF16; `more` of its configuration. */
export async function writeGptOss(
  folder: string,
  kind: "packed" | "plain",
  more: Record<string, unknown> = {},
): Promise<void> {
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
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...gptOssConfig, ...more }));
}
