/**
 * OLMo 2: each module is followed by its norm, and q and k are normalised over their whole width. OLMo 3 has windows in three of four
 * layers, and a rotation of its own for each kind of layer.
 * Source: Hugging Face `modeling_olmo2.py`, `modeling_olmo3.py`.
 */
import type { Config } from "../config.ts";
import { decoderStems, type NameTable } from "../names.ts";
import { readRope } from "../rope_fields.ts";
import type { AttentionSpec, ModelSpec } from "../spec.ts";
import { layerWindows, readActivation, readEpsilon, readKvHeads, readWindow } from "./common.ts";

export function olmo2(config: Config): ModelSpec {
  const rope = readRope(config, headSizeOf(config));
  return postNorm("olmo2", config, () => ({ rope, window: null }));
}

export function olmo3(config: Config): ModelSpec {
  const headSize = headSizeOf(config);
  const fields = { defaultTheta: 5e5 };
  const full = readRope(config, headSize, { ...fields, layerType: "full_attention" });
  const sliding = readRope(config, headSize, { ...fields, layerType: "sliding_attention", scaled: false });
  expectOneBase(config, sliding.theta, fields.defaultTheta);
  const windows = layerWindows(config, readWindow(config), (l) => (l + 1) % 4 !== 0);
  return postNorm(
    "olmo3",
    config,
    (l) => ({ rope: windows(l) === null ? full : sliding, window: windows(l) }),
  );
}

/** Throws where windowed layers would have a base from outside `rope_parameters`: transformers 4 gave it to all layers, 5 to the others. */
function expectOneBase(config: Config, theta: number, usual: number): void {
  const own = config.child("rope_parameters")?.child("sliding_attention")?.optional("rope_theta") ?? null;
  if (own !== null || theta === usual) return;
  throw new RangeError(
    `Cannot read ${config.name}: rope_theta is ${theta}, expected ${usual}, or rope_parameters with a rope_theta for each kind of layer`,
  );
}

function headSizeOf(config: Config): number {
  return config.count(
    "head_dim",
    Math.trunc(config.count("hidden_size") / config.count("num_attention_heads")),
  );
}

function postNorm(
  family: string,
  config: Config,
  seen: (layer: number) => Pick<AttentionSpec, "rope" | "window">,
): ModelSpec {
  const heads = config.count("num_attention_heads");
  const headSize = headSizeOf(config);
  const epsilon = readEpsilon(config, "rms_norm_eps", 1e-5);
  const rms = { kind: "rms", epsilon } as const;
  const norm = { pre: null, post: rms };
  const bias = config.boolean("attention_bias", false);
  const attention = {
    norm,
    heads,
    kvHeads: readKvHeads(config, heads),
    headSize,
    scale: headSize ** -0.5,
    softcap: null,
    qkNorm: { over: "width", epsilon },
    bias: { qkv: bias, output: bias },
  } as const;
  const mlp = {
    norm,
    size: config.count("intermediate_size"),
    activation: readActivation(config, "hidden_act", "silu"),
    gated: true,
    bias: false,
  };
  return {
    family,
    hidden: config.count("hidden_size"),
    vocabulary: config.count("vocab_size"),
    layers: Array.from({ length: config.count("num_hidden_layers") }, (_, l) => ({
      residual: "sequential",
      attention: { ...attention, ...seen(l) },
      mlp,
    })),
    embeddingScale: 1,
    finalNorm: rms,
    head: { tied: config.boolean("tie_word_embeddings", false), softcap: null },
  };
}

/** Names of both. */
export const olmo2Names: NameTable = {
  stems: decoderStems({
    "attention.post_norm": "post_attention_layernorm",
    "mlp.post_norm": "post_feedforward_layernorm",
  }),
};
