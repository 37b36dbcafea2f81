/** A file of random weights in Llama 2 7B's shape, written part by part. */
import { join } from "node:path";
import config from "../../data/configs/llama-2-7b.json" with { type: "json" };
import {
  type Content,
  ggufBytes,
  ggufContent,
  type OutTensor,
  PART_BYTES,
  safetensorsContent,
} from "../../src/weights/mod.ts";

/** How the weights are stored. */
export type Kind = "bf16" | "q4_k";

/** What `openModel` opens, and the file that holds the weights. */
export interface Large {
  readonly model: string;
  readonly weights: string;
  readonly bytes: number;
}

const { hidden_size: D, intermediate_size: F, num_hidden_layers: L, vocab_size: V } = config;

/** Writes the model into a folder. */
export async function writeModel(folder: string, kind: Kind): Promise<Large> {
  const [content, file] = kind === "bf16" ? [safetensors(), "model.safetensors"] : [gguf(), "model.gguf"];
  const weights = join(folder, file);
  using out = await Deno.open(weights, { write: true, createNew: true });
  for await (const part of content.parts()) {
    for (let done = 0; done < part.length;) done += await out.write(part.subarray(done));
  }
  if (kind === "bf16") await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  return { model: kind === "bf16" ? folder : weights, weights, bytes: content.bytes };
}

function safetensors(): Content {
  const values = bf16Pool();
  const tensor = (name: string, ...shape: number[]) => outgoing(`${name}.weight`, "BF16", shape, 2, values);
  return safetensorsContent([
    tensor("model.embed_tokens", V, D),
    tensor("model.norm", D),
    tensor("lm_head", V, D),
    ...Array.from({ length: L }, (_, l) => `model.layers.${l}.`).flatMap((layer) => [
      tensor(`${layer}input_layernorm`, D),
      ...["q", "k", "v", "o"].map((name) => tensor(`${layer}self_attn.${name}_proj`, D, D)),
      tensor(`${layer}post_attention_layernorm`, D),
      tensor(`${layer}mlp.gate_proj`, F, D),
      tensor(`${layer}mlp.up_proj`, F, D),
      tensor(`${layer}mlp.down_proj`, D, F),
    ]),
  ]);
}

function gguf(): Content {
  const blocks = q4kPool();
  const ones = new Uint8Array(new Float32Array(D).fill(1).buffer);
  const tensor = (name: string, ...shape: number[]) =>
    outgoing(`${name}.weight`, "Q4_K", shape, 144 / 256, blocks);
  const norm = (name: string): OutTensor => outgoing(`${name}.weight`, "F32", [D], 4, ones);
  const { u32, f32, text } = ggufBytes;
  const field = (name: string, value: Uint8Array) => [`llama.${name}`, value] as const;
  return ggufContent([
    ["general.architecture", text("llama")],
    field("block_count", u32(L)),
    field("embedding_length", u32(D)),
    field("feed_forward_length", u32(F)),
    field("context_length", u32(config.max_position_embeddings)),
    field("attention.head_count", u32(config.num_attention_heads)),
    field("attention.head_count_kv", u32(config.num_key_value_heads)),
    field("attention.layer_norm_rms_epsilon", f32(config.rms_norm_eps)),
    field("rope.freq_base", f32(config.rope_theta)),
  ], [
    tensor("token_embd", V, D),
    norm("output_norm"),
    tensor("output", V, D),
    ...Array.from({ length: L }, (_, l) => `blk.${l}.`).flatMap((layer) => [
      norm(`${layer}attn_norm`),
      ...["attn_q", "attn_k", "attn_v", "attn_output"].map((name) => tensor(layer + name, D, D)),
      norm(`${layer}ffn_norm`),
      tensor(`${layer}ffn_gate`, F, D),
      tensor(`${layer}ffn_up`, F, D),
      tensor(`${layer}ffn_down`, D, F),
    ]),
  ]);
}

/** A tensor whose bytes are those of a pool, over and over, each part from another place of it. */
function outgoing(name: string, type: string, shape: number[], width: number, pool: Uint8Array): OutTensor {
  const bytes = shape.reduce((a, b) => a * b) * width;
  return {
    ...{ name, type, shape, bytes },
    async *parts() {
      for (let at = 0; at < bytes;) {
        const room = Math.min(bytes - at, pool.length);
        const from = pool.length > room
          ? STEP * Math.floor(Math.random() * ((pool.length - room) / STEP))
          : 0;
        yield pool.subarray(from, from + room);
        at += room;
      }
    },
  };
}

/** Parts begin at whole blocks. */
const STEP = 144;

/** Numbers of either sign around 0.02. */
function bf16Pool(): Uint8Array {
  const words = new Uint16Array(randomBytes(STEP * Math.floor(PART_BYTES / STEP)).buffer);
  // Sign and mantissa as drawn; the exponent is that of 2^-7 to 2^-4.
  return new Uint8Array(words.map((word) => word & 0x807f | (120 + (word >> 7 & 3)) << 7).buffer);
}

/** Blocks of 256 numbers within ±0.1: as drawn but for both scales. */
function q4kPool(): Uint8Array {
  const bytes = randomBytes(STEP * Math.floor(PART_BYTES / STEP));
  const scale = 0x0810; // 2^-13 and a little, in F16
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += STEP) {
    view.setUint16(at, scale, true);
    view.setUint16(at + 2, scale + 0xc00, true); // minima: 8 times as much
  }
  return bytes;
}

function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}
