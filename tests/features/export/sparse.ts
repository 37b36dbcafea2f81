/** A checkpoint of any size that takes no room: true headers, and a hole where the weights are. */
import { safetensorsContent, zeros } from "core/weights/mod.ts";

export interface Sizes {
  readonly hidden: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly layers: number;
  readonly vocabulary: number;
}

/** A folder in Hugging Face layout, in BF16. Gives the bytes of its weights. */
export async function sparseFolder(folder: string, sizes: Sizes): Promise<number> {
  const { hidden, feedForward, heads, layers, vocabulary } = sizes;
  await Deno.mkdir(folder, { recursive: true });
  const config = {
    ...{ model_type: "llama", hidden_size: hidden, intermediate_size: feedForward, vocab_size: vocabulary },
    ...{ num_attention_heads: heads, num_hidden_layers: layers, max_position_embeddings: 2048 },
  };
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  const layer: Record<string, number[]> = {
    input_layernorm: [hidden],
    ...Object.fromEntries(["q", "k", "v", "o"].map((part) => [`self_attn.${part}_proj`, [hidden, hidden]])),
    post_attention_layernorm: [hidden],
    ...{ "mlp.gate_proj": [feedForward, hidden], "mlp.up_proj": [feedForward, hidden] },
    "mlp.down_proj": [hidden, feedForward],
  };
  const tensors: Record<string, number[]> = {
    "model.embed_tokens": [vocabulary, hidden],
    "model.norm": [hidden],
  };
  for (let l = 0; l < layers; l++) {
    for (const [name, shape] of Object.entries(layer)) tensors[`model.layers.${l}.${name}`] = shape;
  }
  const content = safetensorsContent(
    Object.entries({ ...tensors, lm_head: [vocabulary, hidden] }).map(([name, shape]) => (
      { name: `${name}.weight`, type: "BF16", shape, ...zeros(2 * shape.reduce((a, b) => a * b, 1)) }
    )),
  );
  const path = `${folder}/model.safetensors`;
  for await (const header of content.parts()) { // which comes first
    await Deno.writeFile(path, header);
    break;
  }
  await Deno.truncate(path, content.bytes);
  return content.bytes;
}
