/**
 * Qwen3.5: three of four layers mix tokens by the gated delta rule, the others by attention with an output gate. Every norm but the one
 * inside linear attention is stored as w − 1. Source: Hugging Face `modeling_qwen3_5.py`.
 */
import { takeRows } from "../blocks.ts";
import type { Config } from "../config.ts";
import { decoderStems, type NameTable } from "../names.ts";
import { type AttentionSpec, type DeltaNetSpec, type ModelSpec, softmaxOf } from "../spec.ts";
import { plusOne } from "./gemma.ts";
import { preNorm, type Traits } from "./llama.ts";

export function qwen35(config: Config): ModelSpec {
  return hybrid("qwen3_5_text", config, { kvHeads: 4 });
}

/** A decoder of this line. */
export function hybrid(family: string, config: Config, traits: Traits): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  const linear = readLinear(config);
  const isLinearLayer = readKinds(config);
  // Written by uploaders: what every model of the family has, precision elsewhere, and a head for training on later tokens.
  config.boolean("attn_output_gate", true);
  ["mamba_ssm_dtype", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings"].forEach(config.value);
  const mixer = (attention: AttentionSpec, layer: number): AttentionSpec | DeltaNetSpec =>
    isLinearLayer[layer]
      ? { kind: "linear", norm: attention.norm, ...linear, epsilon: attention.norm.pre!.epsilon }
      : { ...attention, outputGate: true };
  const spec = preNorm(family, config, {
    bias: { qkv: bias, output: bias },
    headSize: 256,
    qkNorm: "head",
    rope: { partial: 0.25, ignored: ["mrope_section", "mrope_interleaved"] },
    mixer,
    ...traits,
  });
  const activation = config.string("hidden_act", "silu");
  if (activation !== "silu" && activation !== "swish" && isLinearLayer.includes(true)) {
    throw new TypeError(
      `Cannot run ${config.name}: hidden_act is "${activation}", expected "silu", which linear attention has`,
    );
  }
  return spec;
}

function readLinear(config: Config): Omit<DeltaNetSpec, "kind" | "norm" | "epsilon"> {
  const keyHeads = config.count("linear_num_key_heads", 16);
  const valueHeads = config.count("linear_num_value_heads", 32);
  if (valueHeads % keyHeads) {
    throw new RangeError(
      `Cannot read ${config.name}: linear_num_value_heads is ${valueHeads}, expected a multiple of ${keyHeads} key heads`,
    );
  }
  return {
    keyHeads,
    valueHeads,
    keySize: config.count("linear_key_head_dim", 128),
    valueSize: config.count("linear_value_head_dim", 128),
    kernel: config.count("linear_conv_kernel_dim", 4),
  };
}

/** Which layers have linear attention: `layer_types`, or all but every so-manieth. */
function readKinds(config: Config): boolean[] {
  const layers = config.count("num_hidden_layers");
  const interval = config.count("full_attention_interval", 4);
  const given = config.value("layer_types") ??
    Array.from({ length: layers }, (_, l) => (l + 1) % interval ? "linear_attention" : "full_attention");
  const kinds = ["linear_attention", "full_attention"];
  if (!Array.isArray(given) || given.length !== layers || !given.every((type) => kinds.includes(type))) {
    throw new TypeError(
      `Cannot read ${config.name}: layer_types is no list of "${
        kinds.join('" and "')
      }", expected one of them for each of ${layers} layers`,
    );
  }
  return given.map((type) => type === "linear_attention");
}

/** Names of a model's tensors: q and its gate lie in one matrix, head by head. */
export function qwen35Names(spec: ModelSpec): NameTable {
  const { heads = 1, headSize = 1 } = spec.layers.map(softmaxOf).find((attention) => attention) ?? {};
  const halves = [{ start: 0, end: headSize }, { start: headSize, end: 2 * headSize }];
  return {
    stems: decoderStems({
      "attention.g_proj": "self_attn.q_proj",
      ...linearStems({
        "attention.qkv_proj": "in_proj_qkv",
        "attention.z_proj": "in_proj_z",
        "attention.a_proj": "in_proj_a",
        "attention.b_proj": "in_proj_b",
      }),
    }),
    transform(canonical) {
      const half = ["attention.q_proj.", "attention.g_proj."].findIndex((stem) => canonical.startsWith(stem));
      if (half >= 0) {
        return (tensor, allocate) =>
          takeRows(tensor, heads, [{ ...halves[half], of: 2 * headSize }], allocate);
      }
      return canonical.endsWith("norm.weight") && !canonical.endsWith("gate_norm.weight")
        ? plusOne
        : undefined;
    },
  };
}

/** Stems of linear attention, of which the projections of the stream have names by family. */
export function linearStems(projections: Readonly<Record<string, string>>): Record<string, string> {
  const own = {
    ...projections,
    "attention.conv": "conv1d",
    "attention.a_log": "A_log",
    "attention.dt_bias": "dt_bias",
    "attention.gate_norm": "norm",
    "attention.out_proj": "out_proj",
  };
  return Object.fromEntries(Object.entries(own).map(([stem, stored]) => [stem, `linear_attn.${stored}`]));
}
