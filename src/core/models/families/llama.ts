/**
 * Pre-LN decoders of the Llama line: Llama, Mistral (sliding window), Qwen2 (biases on q, k, v), Qwen3 (q/k norm), SmolLM3 (some layers
 * have no rotation) and Granite 3 (four multipliers, of embeddings, scores, updates and logits). Source: Hugging Face
 * `modeling_llama.py`, `modeling_mistral.py`, `modeling_qwen2.py`, `modeling_qwen3.py`, `modeling_smollm3.py`, `modeling_granite.py`.
 */
import { type Config, positive } from "../config/config.ts";
import { readDropList } from "../config/blocks.ts";
import { biases, experts } from "../gguf/fields.ts";
import { type LinearSpec, linearSpec } from "../modules/linear_map.ts";
import type { NormPlacement } from "../pieces.ts";
import type { ModelSpec } from "../spec.ts";
import { decoderStems, type NameTable } from "../stored/names.ts";
import { layerWindows, readBias, readFlags, readWindow } from "./common.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";

function llama(config: Config): ModelSpec {
  const bias = readBias(config);
  const mlpBias = config.boolean("mlp_bias", false);
  const areBiased = config.boolean("linear_bias", false);
  const maps = { attention: readMaps(config, "attn_list"), mlp: readMaps(config, "mlp_list") };
  const map = (norm: NormPlacement, biased: boolean): LinearSpec =>
    areBiased && biased ? linearSpec(norm) : { ...linearSpec(norm), bias: false };
  return decoder("llama", config, {
    bias,
    mlpBias,
    mixer: (attention, l) => maps.attention.has(l) ? map(attention.norm, bias.output) : attention,
    module: (mlp, l) => maps.mlp.has(l) ? map(mlp.norm, mlpBias) : mlp,
  });
}

/** Layers that have a linear map in the place of a module: in llama.cpp's deci, and in Nemotron-NAS models. */
function readMaps(config: Config, list: "attn_list" | "mlp_list"): Set<number> {
  const [field, drops] = [`linear_${list}`, `drop_${list}`];
  const maps = config.value(field);
  if (maps === undefined) return new Set();
  const layers = config.count("num_hidden_layers");
  const read = readDropList(maps, layers, field, config.name);
  const dropped = readDropList(config.value(drops), layers, drops, config.name);
  const both = [...read].find((layer) => dropped.has(layer));
  if (both === undefined) return read;
  throw config.rangeError(`layer ${both} is in ${field} and in ${drops}, expected one of them`);
}

function mistral(config: Config): ModelSpec {
  const window = readWindow(config);
  return decoder("mistral", config, { windows: () => window, kvHeads: 8, rope: { positions: 131072 } });
}

function qwen2(config: Config): ModelSpec {
  return decoder("qwen2", config, {
    bias: { qkv: true, output: false },
    windows: qwenWindows(config),
    rope: { positions: 32768 },
  });
}

function qwen3(config: Config): ModelSpec {
  return decoder("qwen3", config, {
    bias: readBias(config),
    windows: qwenWindows(config),
    headSize: 128,
    qkNorm: "head",
    rope: { positions: 32768 },
  });
}

/** Qwen: windows only where `use_sliding_window`, from layer `max_window_layers` on unless `layer_types` says. */
function qwenWindows(config: Config): (layer: number) => number | null {
  const used = config.boolean("use_sliding_window", false);
  const said = readWindow(config);
  const window = used ? said : null;
  const first = config.number("max_window_layers", 28);
  return layerWindows(config, window, (l) => window !== null && l >= first);
}

function smollm3(config: Config): ModelSpec {
  const interval = config.count("no_rope_layer_interval", 4);
  const rotated = readFlags(config, "no_rope_layers", (l) => (l + 1) % interval !== 0);
  const used = config.boolean("use_sliding_window", false);
  const window = config.value("sliding_window") === undefined ? null : readWindow(config);
  const windows = layerWindows(config, used ? window : null, (l) => used && window !== null && !rotated[l]);
  return decoder("smollm3", config, {
    bias: readBias(config),
    mlpBias: config.boolean("mlp_bias", false),
    kvHeads: 4,
    rope: { defaultTheta: 2e6, positions: 32768 },
    tied: true,
    windows,
    attention: (l) => rotated[l] ? {} : { rope: null },
  });
}

function granite(config: Config): ModelSpec {
  const multiplier = (field: string) => positive(config, field, config.number(field, 1));
  const scale = multiplier("attention_multiplier");
  const spec = decoder("granite", config, {
    bias: readBias(config),
    mlpBias: config.boolean("mlp_bias", false),
    updateScale: multiplier("residual_multiplier"),
    attention: () => ({ scale }),
  });
  return {
    ...spec,
    embeddingScale: multiplier("embedding_multiplier"),
    head: { ...spec.head, scale: 1 / multiplier("logits_scaling") },
  };
}

/** Names of all six, and of every family with Hugging Face's usual names. */
export const llamaNames: NameTable = {
  stems: decoderStems({ "attention.linear": "self_attn.linear", "mlp.linear": "mlp.linear" }),
};
const names = () => llamaNames;

export const llamas: Families = {
  llama: {
    spec: llama,
    names,
    gguf: {
      llama: {
        type: ({ field }) => field("expert_count") ? "mixtral" : "llama",
        permuted: true,
        fields: (header) => ({ ...biases(header), ...experts(header) }),
      },
      deci: { permuted: true, fields: biases }, // with layers that lack a module
    },
  },
  mistral: { spec: mistral, names },
  qwen2: { spec: qwen2, names, gguf: { qwen2: {} } },
  qwen3: { spec: qwen3, names, gguf: { qwen3: {} } },
  smollm3: { spec: smollm3, names, gguf: { smollm3: { permuted: true, fields: biases } } },
};

/** Granite stands behind others in the list of families. */
export const granites: Families = {
  granite: {
    spec: granite,
    names,
    gguf: {
      granite: {
        permuted: true,
        fields: (header) => ({
          ...biases(header),
          attention_multiplier: header.field("attention.scale"),
          embedding_multiplier: header.field("embedding_scale"),
          residual_multiplier: header.field("residual_scale"),
          logits_scaling: header.field("logit_scale"),
          // llama.cpp takes this for whether there is a rotation at all.
          ...header.field("rope.scaling.finetuned") === false ? { position_embedding_type: "nope" } : {},
        }),
      },
    },
  },
};
