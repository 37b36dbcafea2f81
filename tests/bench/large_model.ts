/** A file of random weights in the shape of a Llama, written part by part: no more than a part is in memory. */
import { join } from "node:path";
import {
  type Content,
  ggufBytes,
  ggufContent,
  type OutTensor,
  PART_BYTES,
  safetensorsContent,
} from "core/weights/mod.ts";

/** How the weights are stored; `q4_k_m` as llama.cpp mixes types under that name. */
export type Kind = "bf16" | "q4_k_m";

/** The fields of a Llama's `config.json` that the file follows. */
export interface Shape {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly max_position_embeddings: number;
  readonly vocab_size: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

/** What `openModel` opens, and the file that holds the weights. */
export type Large = { readonly model: string; readonly weights: string; readonly bytes: number };

export async function writeModel(folder: string, kind: Kind, shape: Shape): Promise<Large> {
  const [content, file] = kind === "bf16"
    ? [safetensors(shape), "model.safetensors"]
    : [gguf(shape), "model.gguf"];
  const weights = join(folder, file);
  using out = await Deno.open(weights, { write: true, createNew: true });
  for await (const part of content.parts()) {
    for (let done = 0; done < part.length;) done += await out.write(part.subarray(done));
  }
  if (kind === "bf16") await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(shape));
  return { model: kind === "bf16" ? folder : weights, weights, bytes: content.bytes };
}

/** Numbers of a layer's matrices. */
export function layerWeights(shape: Shape): number {
  const { D, E, F } = sizes(shape);
  return 2 * D * (D + E) + 3 * D * F;
}

/** Width of the stream, of the keys and of the MLP, number of layers and of tokens. */
export function sizes(shape: Shape) {
  const { hidden_size: D, intermediate_size: F, num_hidden_layers: L, vocab_size: V } = shape;
  return { D, E: D / shape.num_attention_heads * shape.num_key_value_heads, F, L, V };
}

function safetensors(shape: Shape): Content {
  const { D, E, F, L, V } = sizes(shape);
  const values = bf16Pool();
  const tensor = (name: string, ...shape: number[]) =>
    outgoing(`${name}.weight`, "BF16", shape, 2 * shape.reduce((a, b) => a * b), values);
  return safetensorsContent([
    tensor("model.embed_tokens", V, D),
    tensor("model.norm", D),
    tensor("lm_head", V, D),
    ...Array.from({ length: L }, (_, l) => `model.layers.${l}.`).flatMap((layer) => [
      tensor(`${layer}input_layernorm`, D),
      tensor(`${layer}self_attn.q_proj`, D, D),
      ...["k", "v"].map((name) => tensor(`${layer}self_attn.${name}_proj`, E, D)),
      tensor(`${layer}self_attn.o_proj`, D, D),
      tensor(`${layer}post_attention_layernorm`, D),
      tensor(`${layer}mlp.gate_proj`, F, D),
      tensor(`${layer}mlp.up_proj`, F, D),
      tensor(`${layer}mlp.down_proj`, D, F),
    ]),
  ]);
}

function gguf(shape: Shape): Content {
  const { D, E, F, L, V } = sizes(shape);
  const pools = {
    Q4_K: blocksPool(BLOCK_BYTES.Q4_K, writeQ4K),
    Q6_K: blocksPool(BLOCK_BYTES.Q6_K, writeQ6K),
  };
  const ones = new Uint8Array(new Float32Array(D).fill(1).buffer);
  const tensor = (name: string, type: keyof typeof pools, ...shape: number[]) => {
    const blocks = shape.reduce((a, b) => a * b) / 256;
    return outgoing(`${name}.weight`, type, shape, blocks * BLOCK_BYTES[type], pools[type]);
  };
  const norm = (name: string): OutTensor => outgoing(`${name}.weight`, "F32", [D], 4 * D, whole(ones));
  const { u32, f32, text } = ggufBytes;
  const field = (name: string, value: Uint8Array) => [`llama.${name}`, value] as const;
  return ggufContent([
    ["general.architecture", text("llama")],
    field("block_count", u32(L)),
    field("embedding_length", u32(D)),
    field("feed_forward_length", u32(F)),
    field("context_length", u32(shape.max_position_embeddings)),
    field("attention.head_count", u32(shape.num_attention_heads)),
    field("attention.head_count_kv", u32(shape.num_key_value_heads)),
    field("attention.layer_norm_rms_epsilon", f32(shape.rms_norm_eps)),
    field("rope.freq_base", f32(shape.rope_theta)),
  ], [
    tensor("token_embd", "Q4_K", V, D),
    norm("output_norm"),
    tensor("output", "Q6_K", V, D),
    ...Array.from({ length: L }, (_, l) => {
      const layer = `blk.${l}.`;
      const finer = isFiner(l, L) ? "Q6_K" : "Q4_K";
      return [
        norm(`${layer}attn_norm`),
        tensor(`${layer}attn_q`, "Q4_K", D, D),
        tensor(`${layer}attn_k`, "Q4_K", E, D),
        tensor(`${layer}attn_v`, finer, E, D),
        tensor(`${layer}attn_output`, "Q4_K", D, D),
        norm(`${layer}ffn_norm`),
        tensor(`${layer}ffn_gate`, "Q4_K", F, D),
        tensor(`${layer}ffn_up`, "Q4_K", F, D),
        tensor(`${layer}ffn_down`, finer, D, F),
      ];
    }).flat(),
  ]);
}

/** The layers whose values and down projections have six bits: the first eighth, the last, and each third between. */
function isFiner(l: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return l < eighth || l >= Math.floor(7 * layers / 8) || (l - eighth) % 3 === 2;
}

/** Bytes that are written over and over; a part begins at a multiple of `step`. */
type Pool = { readonly bytes: Uint8Array; readonly step: number };

const whole = (bytes: Uint8Array): Pool => ({ bytes, step: bytes.length });

/** A tensor whose bytes are those of a pool, over and over, each part from another place of it. */
function outgoing(name: string, type: string, shape: number[], bytes: number, pool: Pool): OutTensor {
  return {
    ...{ name, type, shape, bytes },
    async *parts() {
      for (let at = 0; at < bytes;) {
        const room = Math.min(bytes - at, pool.bytes.length);
        const from = pool.step * Math.floor(Math.random() * ((pool.bytes.length - room) / pool.step + 1));
        yield pool.bytes.subarray(from, from + room);
        at += room;
      }
    },
  };
}

/** Numbers of either sign around 0.02. */
function bf16Pool(): Pool {
  const words = new Uint16Array(randomBytes(PART_BYTES).buffer);
  // Sign and mantissa as drawn; the exponent is that of 2^-7 to 2^-4.
  return {
    bytes: new Uint8Array(words.map((word) => word & 0x807f | (120 + (word >> 7 & 3)) << 7).buffer),
    step: 2,
  };
}

const BLOCK_BYTES = { Q4_K: 144, Q6_K: 210 };

/** Blocks as drawn but for their scales, which `write` sets. */
function blocksPool(step: number, write: (view: DataView, at: number) => void): Pool {
  const bytes = randomBytes(step * Math.floor(PART_BYTES / step));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += step) write(view, at);
  return { bytes, step };
}

/** d · scale · q − 7.5 · d · minimum, of 0 to 63, 0 to 15 and 0 to 63 as drawn: mean 0, deviation 0.02. */
function writeQ4K(view: DataView, at: number): void {
  const d = 0.02 / Math.sqrt(63 * 127 / 6 * 77.5 - 2 * 236.25 ** 2 + 7.5 ** 2 * 63 * 127 / 6);
  view.setFloat16(at, d, true);
  view.setFloat16(at + 2, 7.5 * d, true);
}

/** d · scale · (q − 32), of −128 to 127 and 0 to 63 as drawn: mean 0, deviation 0.02. */
function writeQ6K(view: DataView, at: number): void {
  view.setFloat16(at + 208, 0.02 / Math.sqrt((256 ** 2 - 1) / 12 * (64 ** 2 - 1) / 12), true);
}

function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}
