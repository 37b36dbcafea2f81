/**
 * Peri-LN decoders: Gemma 2 (soft caps, alternating windows) and the text model of Gemma 3 (q/k norm, local and global
 * rotations). Each module has a norm before and one after; norm weights are stored as w − 1 and the embedding is
 * scaled by √D. Source: Hugging Face `modeling_gemma2.py`, `modeling_gemma3.py`.
 */
import type { Config } from "../config.ts";
import { decoderStems, type NameTable } from "../names.ts";
import { positive } from "../positive.ts";
import { readRope } from "../rope_fields.ts";
import type { AttentionSpec, ModelSpec, RopeSpec } from "../spec.ts";
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { layerWindows, readActivation, readEpsilon, readKvHeads, readWindow } from "./common.ts";

export function gemma2(config: Config): ModelSpec {
  const windows = layerWindows(config, readWindow(config), (l) => l % 2 === 0);
  const rope = readRope(config, config.count("head_dim", 256), { positions: 8192 });
  return periNorm("gemma2", config, {
    layer: (l) => ({ rope, window: windows(l) }),
    softcap: readCap(config, "attn_logit_softcapping", 50),
    finalSoftcap: readCap(config, "final_logit_softcapping", 30),
    qkNorm: false,
    vocabulary: 256000,
  });
}

export function gemma3(config: Config): ModelSpec {
  const pattern = config.count("sliding_window_pattern", config.count("_sliding_window_pattern", 6));
  const windows = layerWindows(config, readWindow(config), (l) => (l + 1) % pattern !== 0);
  const headSize = config.count("head_dim", 256);
  const full = readRope(config, headSize, {
    layerType: "full_attention",
    defaultTheta: 1e6,
    positions: 131072,
  });
  const sliding = readRope(config, headSize, {
    layerType: "sliding_attention",
    theta: "rope_local_base_freq",
    defaultTheta: 1e4,
    positions: 131072,
    scaled: false,
  });
  config.value("attn_logit_softcapping"); // written, and not obeyed by the model
  return periNorm("gemma3_text", config, {
    layer: (l) => ({ rope: windows(l) === null ? full : sliding, window: windows(l) }),
    softcap: null,
    finalSoftcap: readCap(config, "final_logit_softcapping"),
    qkNorm: true,
    vocabulary: 262208,
  });
}

/** Names of both. Every norm (q/k norms too) is stored as w − 1. */
export const gemmaNames: NameTable = {
  stems: decoderStems({
    "attention.post_norm": "post_attention_layernorm",
    "mlp.norm": "pre_feedforward_layernorm",
    "mlp.post_norm": "post_feedforward_layernorm",
  }),
  transform: (canonical) => canonical.endsWith("norm.weight") ? plusOne : undefined,
};

/** A norm stored as w − 1. */
export function plusOne(tensor: Tensor): Tensor {
  return { dtype: "f32", shape: tensor.shape, data: toFloat32(tensor).map((weight) => weight + 1) };
}

/** The cap of scores or logits; null for none. */
function readCap(config: Config, field: string, fallback?: number): number | null {
  return positive(config, field, config.optional(field, fallback));
}

interface Traits {
  layer: (l: number) => { rope: RopeSpec; window: number | null };
  softcap: number | null;
  finalSoftcap: number | null;
  qkNorm: boolean;
  vocabulary: number;
}

function periNorm(family: string, config: Config, traits: Traits): ModelSpec {
  const hidden = config.count("hidden_size");
  const heads = config.count("num_attention_heads", 8);
  const headSize = config.count("head_dim", 256);
  const epsilon = readEpsilon(config, "rms_norm_eps", 1e-6);
  const rms = { kind: "rms", epsilon } as const;
  const norm = { pre: rms, post: rms };
  const bias = config.boolean("attention_bias", false);
  const attention: Omit<AttentionSpec, "rope" | "window"> = {
    norm,
    heads,
    kvHeads: readKvHeads(config, heads, 4),
    headSize,
    scale: positive(config, "query_pre_attn_scalar", config.number("query_pre_attn_scalar", 256)) ** -0.5,
    softcap: traits.softcap,
    qkNorm: traits.qkNorm ? { over: "head", epsilon } : null,
    bias: { qkv: bias, output: bias },
  };
  const mlp = {
    norm,
    size: config.count("intermediate_size"),
    activation: readActivation(config, "hidden_activation", "gelu_pytorch_tanh"),
    gated: true,
    bias: false,
  };
  // Written beside hidden_activation by older versions, and not obeyed by the models.
  config.value("hidden_act");
  return {
    family,
    hidden,
    vocabulary: config.count("vocab_size", traits.vocabulary),
    layers: Array.from({ length: config.count("num_hidden_layers") }, (_, l) => ({
      residual: "sequential",
      attention: { ...attention, ...traits.layer(l) },
      mlp,
    })),
    embeddingScale: Math.fround(Math.sqrt(hidden)),
    finalNorm: rms,
    head: { tied: config.boolean("tie_word_embeddings", true), softcap: traits.finalSoftcap },
  };
}
