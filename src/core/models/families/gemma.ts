/**
 * Peri-LN decoders: Gemma 2 (soft caps, alternating windows) and the text model of Gemma 3 (q/k norm, local and global
 * rotations). Each module has a norm before and one after; norm weights are stored as w − 1 and the embedding is
 * scaled by √D. Source: Hugging Face `modeling_gemma2.py`, `modeling_gemma3.py`.
 */
import { type Config, positive } from "../config/config.ts";
import { readRope } from "../config/rope_fields.ts";
import type { Header } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import { decoderStems, type NameTable, plusOne } from "../stored/names.ts";
import { layerWindows, readBias, readWindow } from "./common.ts";
import { decoder, type Traits } from "./decoder.ts";
import type { Families } from "./family.ts";

function gemma2(config: Config): ModelSpec {
  const softcap = readCap(config, "attn_logit_softcapping", 50);
  return periNorm("gemma2", config, readCap(config, "final_logit_softcapping", 30), {
    rope: { positions: 8192 },
    windows: layerWindows(config, readWindow(config), (l) => l % 2 === 0),
    attention: () => ({ softcap }),
    vocabulary: 256000,
  });
}

function gemma3(config: Config): ModelSpec {
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
  return periNorm("gemma3_text", config, readCap(config, "final_logit_softcapping"), {
    ropes: (l) => windows(l) === null ? full : sliding,
    windows,
    qkNorm: "head",
    vocabulary: 262208,
  });
}

/** The cap of scores or logits; null for none. */
function readCap(config: Config, field: string, fallback?: number): number | null {
  return positive(config, field, config.optional(field, fallback));
}

function periNorm(family: string, config: Config, softcap: number | null, traits: Traits): ModelSpec {
  const scale = positive(config, "query_pre_attn_scalar", config.number("query_pre_attn_scalar", 256)) **
    -0.5;
  // Written beside hidden_activation by older versions, and not obeyed by the models.
  config.value("hidden_act");
  const spec = decoder(family, config, {
    heads: 8,
    headSize: 256,
    kvHeads: 4,
    norm: (rms) => ({ pre: rms(), post: rms() }),
    bias: readBias(config),
    activation: ["hidden_activation", "gelu_pytorch_tanh"],
    tied: true,
    ...traits,
    attention: (l) => ({ scale, ...traits.attention?.(l) }),
  });
  return { ...spec, embeddingScale: Math.fround(Math.sqrt(spec.hidden)), head: { ...spec.head, softcap } };
}

/** Names of both. Every norm (q/k norms too) is stored as w − 1. */
const gemmaNames: NameTable = {
  stems: decoderStems({
    "attention.post_norm": "post_attention_layernorm",
    "mlp.norm": "pre_feedforward_layernorm",
    "mlp.post_norm": "post_feedforward_layernorm",
  }),
  transform: (canonical) => canonical.endsWith("norm.weight") ? plusOne : undefined,
};
const names = () => gemmaNames;

function caps({ field, usual }: Header): Record<string, unknown> {
  return {
    sliding_window: field("attention.sliding_window"),
    query_pre_attn_scalar: usual.head_dim,
    attn_logit_softcapping: field("attn_logit_softcapping"),
    final_logit_softcapping: field("final_logit_softcapping"),
  };
}

export const gemmas: Families = {
  gemma2: { spec: gemma2, names, gguf: { gemma2: { normsWithOne: true, fields: caps } } },
  gemma3_text: {
    spec: gemma3,
    names,
    gguf: {
      gemma3: {
        normsWithOne: true,
        fields: (header) => ({ ...caps(header), rope_local_base_freq: header.field("rope.freq_base_swa") }),
      },
    },
  },
};
