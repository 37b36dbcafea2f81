/**
 * Pre-LN decoders of the Llama line: Llama, Mistral (sliding window), Qwen2 (biases on q, k, v) and Qwen3 (q/k norm).
 * Source: Hugging Face `modeling_llama.py`, `modeling_mistral.py`, `modeling_qwen2.py`, `modeling_qwen3.py`.
 */
import type { Config } from "../config.ts";
import { decoderStems, type NameTable } from "../names.ts";
import { readRope, type RopeFields } from "../rope_fields.ts";
import type {
  AttentionSpec,
  LayerSpec,
  MixerSpec,
  MlpSpec,
  ModelSpec,
  MoeSpec,
  NormPlacement,
  NormSpec,
} from "../spec.ts";
import { layerWindows, readActivation, readEpsilon, readKvHeads, readWindow } from "./common.ts";

export function llama(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  return preNorm("llama", config, {
    bias: { qkv: bias, output: bias },
    mlpBias: config.boolean("mlp_bias", false),
  });
}

export function mistral(config: Config): ModelSpec {
  const window = readWindow(config);
  return preNorm("mistral", config, { windows: () => window, kvHeads: 8, rope: { positions: 131072 } });
}

export function qwen2(config: Config): ModelSpec {
  return preNorm("qwen2", config, {
    bias: { qkv: true, output: false },
    windows: qwenWindows(config),
    rope: { positions: 32768 },
  });
}

export function qwen3(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  return preNorm("qwen3", config, {
    bias: { qkv: bias, output: bias },
    windows: qwenWindows(config),
    headSize: 128,
    qkNorm: "head",
    rope: { positions: 32768 },
  });
}

/** Names of all four. */
export const llamaNames: NameTable = { stems: decoderStems() };

/** What families of this line differ in. */
export interface Traits {
  bias?: AttentionSpec["bias"];
  mlpBias?: boolean;
  /** Width of an MLP where the configuration does not say. */
  mlpSize?: number;
  windows?: (layer: number) => number | null;
  headSize?: number;
  /** Numbers of a head that are rotated, where another field than `head_dim` says so. */
  rotatedSize?: number;
  qkNorm?: "head" | "width";
  kvHeads?: number;
  epsilon?: number;
  /** The second module of a layer, of the MLP that it would be. */
  module?: (mlp: MlpSpec, layer: number) => MlpSpec | MoeSpec;
  rope?: RopeFields;
  /** Around both modules, instead of an RMSNorm in front; its first norm is also the last of the model. */
  norm?: NormPlacement & { readonly pre: NormSpec };
  residual?: LayerSpec["residual"];
  tied?: boolean;
  updateScale?: number;
  /** What a layer's attention has otherwise than the others'. */
  attention?: (layer: number) => Partial<AttentionSpec>;
  /** What mixes a layer's tokens, of the attention that would. */
  mixer?: (attention: AttentionSpec, layer: number) => MixerSpec;
}

/** A decoder with norms in front of its modules, rotations and a gated MLP. */
export function preNorm(family: string, config: Config, traits: Traits): ModelSpec {
  const hidden = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const named = config.count("head_dim", traits.headSize ?? Math.trunc(hidden / heads));
  const headSize = traits.rotatedSize ?? named;
  const rms = () =>
    ({ kind: "rms", epsilon: readEpsilon(config, "rms_norm_eps", traits.epsilon ?? 1e-6) }) as const;
  const norm = traits.norm ?? { pre: rms(), post: null };
  const scaled = traits.updateScale === undefined ? {} : { updateScale: traits.updateScale };
  const attention = {
    norm,
    heads,
    kvHeads: readKvHeads(config, heads, traits.kvHeads),
    headSize,
    scale: headSize ** -0.5,
    rope: readRope(config, headSize, traits.rope),
    softcap: null,
    qkNorm: traits.qkNorm ? { over: traits.qkNorm, epsilon: norm.pre.epsilon } : null,
    bias: traits.bias ?? { qkv: false, output: false },
    ...scaled,
  };
  const mlp = {
    norm,
    size: config.count("intermediate_size", traits.mlpSize),
    activation: readActivation(config, "hidden_act", "silu"),
    gated: true,
    bias: traits.mlpBias ?? false,
    ...scaled,
  };
  const layer = (l: number): LayerSpec => {
    const own = { ...attention, window: traits.windows?.(l) ?? null, ...traits.attention?.(l) };
    return {
      residual: traits.residual ?? "sequential",
      attention: traits.mixer?.(own, l) ?? own,
      mlp: traits.module?.(mlp, l) ?? mlp,
    };
  };
  return {
    family,
    hidden,
    vocabulary: config.count("vocab_size"),
    layers: Array.from({ length: config.count("num_hidden_layers") }, (_, l) => layer(l)),
    embeddingScale: 1,
    finalNorm: norm.pre,
    head: { tied: config.boolean("tie_word_embeddings", traits.tied ?? false), softcap: null },
  };
}

/** Qwen: windows only where `use_sliding_window`, from layer `max_window_layers` on unless `layer_types` says. */
function qwenWindows(config: Config): (layer: number) => number | null {
  const used = config.boolean("use_sliding_window", false);
  const said = readWindow(config);
  const window = used ? said : null;
  const first = config.number("max_window_layers", 28);
  return layerWindows(config, window, (l) => window !== null && l >= first);
}
