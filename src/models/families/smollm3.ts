/**
 * SmolLM3: Llama in which some layers have no rotation. Source: Hugging Face `modeling_smollm3.py`.
 */
import type { Config } from "../config/config.ts";
import { biases } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import { layerWindows, readFlags, readWindow } from "./common.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";
import { llamaNames } from "./llama.ts";

function smollm3(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  const interval = config.count("no_rope_layer_interval", 4);
  const rotated = readFlags(config, "no_rope_layers", (l) => (l + 1) % interval !== 0);
  const used = config.boolean("use_sliding_window", false);
  const window = config.value("sliding_window") === undefined ? null : readWindow(config);
  const windows = layerWindows(config, used ? window : null, (l) => used && window !== null && !rotated[l]);
  return decoder("smollm3", config, {
    bias: { qkv: bias, output: bias },
    mlpBias: config.boolean("mlp_bias", false),
    kvHeads: 4,
    rope: { defaultTheta: 2e6, positions: 32768 },
    tied: true,
    windows,
    attention: (l) => rotated[l] ? {} : { rope: null },
  });
}

export const smollms: Families = {
  smollm3: {
    spec: smollm3,
    names: () => llamaNames,
    gguf: { smollm3: { permuted: true, fields: biases } },
  },
};
