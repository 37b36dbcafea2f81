/**
 * OLMo 2: each module is followed by its norm, and q and k are normalised over their whole width.
 * Source: Hugging Face `modeling_olmo2.py`.
 */
import type { Config } from "../config.ts";
import { decoderStems, type NameTable } from "../names.ts";
import { readRope } from "../rope.ts";
import type { LayerSpec, ModelSpec } from "../spec.ts";
import { readActivation, readEpsilon, readKvHeads } from "./common.ts";

export function olmo2(config: Config): ModelSpec {
  const hidden = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const headSize = config.count("head_dim", Math.trunc(hidden / heads));
  const epsilon = readEpsilon(config, "rms_norm_eps", 1e-5);
  const rms = { kind: "rms", epsilon } as const;
  const norm = { pre: null, post: rms };
  const bias = config.boolean("attention_bias", false);
  const layer: LayerSpec = {
    residual: "sequential",
    attention: {
      norm,
      heads,
      kvHeads: readKvHeads(config, heads),
      headSize,
      scale: headSize ** -0.5,
      rope: readRope(config, headSize),
      window: null,
      softcap: null,
      qkNorm: { over: "width", epsilon },
      bias: { qkv: bias, output: bias },
    },
    mlp: {
      norm,
      size: config.count("intermediate_size"),
      activation: readActivation(config, "hidden_act", "silu"),
      gated: true,
      bias: false,
    },
  };
  return {
    family: "olmo2",
    hidden,
    vocabulary: config.count("vocab_size"),
    layers: Array.from({ length: config.count("num_hidden_layers") }, () => layer),
    embeddingScale: 1,
    finalNorm: rms,
    head: { tied: config.boolean("tie_word_embeddings", false), softcap: null },
  };
}

export const olmo2Names: NameTable = {
  stems: decoderStems({
    "attention.post_norm": "post_attention_layernorm",
    "mlp.post_norm": "post_feedforward_layernorm",
  }),
};
