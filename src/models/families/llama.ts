/**
 * Pre-LN decoders of the Llama line: Llama, Mistral (sliding window), Qwen2 (biases on q, k, v) and Qwen3 (q/k norm).
 * Source: Hugging Face `modeling_llama.py`, `modeling_mistral.py`, `modeling_qwen2.py`, `modeling_qwen3.py`.
 */
import type { Config } from "../config/config.ts";
import { biases, experts } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import { decoderStems, type NameTable } from "../stored/names.ts";
import { layerWindows, readWindow } from "./common.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";

function llama(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  return decoder("llama", config, {
    bias: { qkv: bias, output: bias },
    mlpBias: config.boolean("mlp_bias", false),
  });
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
  const bias = config.boolean("attention_bias", false);
  return decoder("qwen3", config, {
    bias: { qkv: bias, output: bias },
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

/** Names of all four, and of every family with Hugging Face's usual names. */
export const llamaNames: NameTable = { stems: decoderStems() };
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
};
