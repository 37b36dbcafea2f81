/** Checkpoints of any size that take no room: true headers, and a hole where the weights are. */
import { ggufBytes, ggufContent, type OutTensor, safetensorsContent, zeros } from "../../src/weights/mod.ts";

export interface Sizes {
  readonly hidden: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly layers: number;
  readonly vocabulary: number;
}

/** A folder in Hugging Face layout, in BF16. Gives the bytes of its weights. */
export async function sparseFolder(folder: string, sizes: Sizes): Promise<number> {
  await Deno.mkdir(folder, { recursive: true });
  const config = {
    model_type: "llama",
    hidden_size: sizes.hidden,
    intermediate_size: sizes.feedForward,
    num_attention_heads: sizes.heads,
    num_hidden_layers: sizes.layers,
    vocab_size: sizes.vocabulary,
    max_position_embeddings: 2048,
  };
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  const layer = (l: number): [string, number[]][] =>
    shapesOf(sizes, {
      attn_norm: "input_layernorm",
      attn: (part) => `self_attn.${part === "output" ? "o" : part}_proj`,
      ffn_norm: "post_attention_layernorm",
      ffn: (part) => `mlp.${part}_proj`,
    }).map(([name, shape]) => [`model.layers.${l}.${name}.weight`, shape]);
  const tensors: [string, number[]][] = [
    ["model.embed_tokens.weight", [sizes.vocabulary, sizes.hidden]],
    ["model.norm.weight", [sizes.hidden]],
    ["lm_head.weight", [sizes.vocabulary, sizes.hidden]],
    ...Array.from({ length: sizes.layers }, (_, l) => layer(l)).flat(),
  ];
  const content = safetensorsContent(tensors.map(([name, shape]) => hole(name, "BF16", shape, 2)));
  await writeSparse(`${folder}/model.safetensors`, content);
  return content.bytes;
}

/** A GGUF file whose matrices are Q8_0. Gives its bytes. */
export async function sparseGguf(path: string, sizes: Sizes): Promise<number> {
  const layer = (l: number): [string, number[]][] =>
    shapesOf(sizes, {
      attn_norm: "attn_norm",
      attn: (part) => `attn_${part}`,
      ffn_norm: "ffn_norm",
      ffn: (part) => `ffn_${part}`,
    }).map(([name, shape]) => [`blk.${l}.${name}.weight`, shape]);
  const tensors: [string, number[]][] = [
    ["token_embd.weight", [sizes.vocabulary, sizes.hidden]],
    ["output_norm.weight", [sizes.hidden]],
    ["output.weight", [sizes.vocabulary, sizes.hidden]],
    ...Array.from({ length: sizes.layers }, (_, l) => layer(l)).flat(),
  ];
  const metadata: [string, Uint8Array][] = [
    ["general.architecture", ggufBytes.text("llama")],
    ["llama.context_length", ggufBytes.u32(2048)],
    ["llama.embedding_length", ggufBytes.u32(sizes.hidden)],
    ["llama.block_count", ggufBytes.u32(sizes.layers)],
    ["llama.feed_forward_length", ggufBytes.u32(sizes.feedForward)],
    ["llama.attention.head_count", ggufBytes.u32(sizes.heads)],
    ["llama.attention.head_count_kv", ggufBytes.u32(sizes.heads)],
    ["llama.attention.layer_norm_rms_epsilon", ggufBytes.f32(1e-5)],
    ["llama.rope.freq_base", ggufBytes.f32(1e4)],
  ];
  const content = ggufContent(
    metadata,
    tensors.map(([name, shape]) =>
      shape.length === 1 ? hole(name, "F32", shape, 4) : hole(name, "Q8_0", shape, 34 / 32)
    ),
  );
  await writeSparse(path, content);
  return content.bytes;
}

interface Names {
  readonly attn_norm: string;
  readonly ffn_norm: string;
  readonly attn: (part: string) => string;
  readonly ffn: (part: string) => string;
}

function shapesOf({ hidden, feedForward }: Sizes, names: Names): [string, number[]][] {
  return [
    [names.attn_norm, [hidden]],
    ...["q", "k", "v", "output"].map((part): [string, number[]] => [names.attn(part), [hidden, hidden]]),
    [names.ffn_norm, [hidden]],
    [names.ffn("gate"), [feedForward, hidden]],
    [names.ffn("up"), [feedForward, hidden]],
    [names.ffn("down"), [hidden, feedForward]],
  ];
}

function hole(name: string, type: string, shape: readonly number[], elementBytes: number): OutTensor {
  return { name, type, shape, ...zeros(elementBytes * shape.reduce((a, b) => a * b, 1)) };
}

/** The header, which comes first, and a hole to the end. */
async function writeSparse(
  path: string,
  content: { bytes: number; parts(): AsyncIterable<Uint8Array> },
): Promise<void> {
  for await (const header of content.parts()) {
    await Deno.writeFile(path, header);
    break;
  }
  await Deno.truncate(path, content.bytes);
}
