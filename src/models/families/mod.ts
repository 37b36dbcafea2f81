/** The architectures, by Hugging Face's `model_type`. */
import type { Config } from "../config.ts";
import type { NameTable } from "../names.ts";
import { type ModelSpec, softmaxOf } from "../spec.ts";
import { cohere2, cohere2Names } from "./cohere2.ts";
import { composite } from "./composite.ts";
import { deepseekNames, deepseekV3 } from "./deepseek.ts";
import { gemma2, gemma3, gemmaNames } from "./gemma.ts";
import { glm, glm4, glmNames } from "./glm.ts";
import { gpt2, gpt2Names } from "./gpt2.ts";
import { gptNeox, gptNeoxNames } from "./gpt_neox.ts";
import { glm4Moe, groupedNames } from "./grouped_moe.ts";
import { gptOss } from "./gpt_oss.ts";
import { gptOssNames } from "./gpt_oss_experts.ts";
import { granite } from "./granite.ts";
import { qwen35, qwen35Moe, qwen3Next } from "./hybrid.ts";
import { qwen35MoeNames, qwen35Names, qwen3NextNames } from "./hybrid_names.ts";
import { llama, llamaNames, mistral, qwen2, qwen3 } from "./llama.ts";
import { mixtral, mixtralNames, olmoe, qwen2Moe, qwen3Moe } from "./mixtures.ts";
import { olmo } from "./olmo.ts";
import { olmo2, olmo2Names, olmo3 } from "./olmo2.ts";
import { phi3, phi3Names } from "./phi3.ts";
import { smollm3 } from "./smollm3.ts";

/** An architecture: its configuration as a `ModelSpec`, and its tensors' names in Hugging Face's checkpoints. */
export interface Family {
  readonly spec: (config: Config) => ModelSpec;
  /** Some are stored in several ways, which the names of a checkpoint's tensors tell. */
  readonly names: (spec: ModelSpec, tensors?: ReadonlyMap<string, unknown>) => NameTable;
}

/** Models of text alone. */
const decoders: Readonly<Record<string, Family>> = {
  llama: { spec: llama, names: () => llamaNames },
  mistral: { spec: mistral, names: () => llamaNames },
  qwen2: { spec: qwen2, names: () => llamaNames },
  qwen3: { spec: qwen3, names: () => llamaNames },
  smollm3: { spec: smollm3, names: () => llamaNames },
  olmo: { spec: olmo, names: () => llamaNames },
  phi3: { spec: phi3, names: phi3Names },
  glm: { spec: glm, names: glmNames },
  glm4: { spec: glm4, names: glmNames },
  cohere2: { spec: cohere2, names: () => cohere2Names },
  gpt2: { spec: gpt2, names: gpt2Names },
  granite: { spec: granite, names: () => llamaNames },
  glm4_moe: { spec: glm4Moe, names: () => groupedNames },
  deepseek_v3: { spec: deepseekV3, names: () => deepseekNames },
  gpt_oss: {
    spec: gptOss,
    names: (_, tensors) => gptOssNames(tensors?.keys().some((name) => name.endsWith("_blocks")) ?? false),
  },
  mixtral: { spec: mixtral, names: () => mixtralNames },
  olmoe: { spec: olmoe, names: () => llamaNames },
  qwen2_moe: { spec: qwen2Moe, names: () => llamaNames },
  qwen3_moe: { spec: qwen3Moe, names: () => llamaNames },
  qwen3_next: { spec: qwen3Next, names: qwen3NextNames },
  qwen3_5_text: { spec: qwen35, names: qwen35Names },
  qwen3_5_moe_text: { spec: qwen35Moe, names: qwen35MoeNames },
  gemma2: { spec: gemma2, names: () => gemmaNames },
  gemma3_text: { spec: gemma3, names: () => gemmaNames },
  olmo2: { spec: olmo2, names: () => olmo2Names },
  olmo3: { spec: olmo3, names: () => olmo2Names },
  gpt_neox: {
    spec: gptNeox,
    names: (spec) => gptNeoxNames(spec.layers.map(softmaxOf).find((attention) => attention)?.heads ?? 1),
  },
};

/** Models of text and images, and the family of their text part where the configuration does not say. */
const composites = {
  gemma3: "gemma3_text",
  mistral3: "mistral",
  llava: "llama",
  llava_next: "llama",
  llava_onevision: "qwen2",
  vipllava: "llama",
  idefics3: "llama",
  smolvlm: "llama",
  internvl: "qwen2",
  aya_vision: "cohere2",
  qwen3_5: "qwen3_5_text",
  qwen3_5_moe: "qwen3_5_moe_text",
};

/** All that can be run. */
export const families: Readonly<Record<string, Family>> = {
  ...decoders,
  ...Object.fromEntries(
    Object.entries(composites).map(([type, text]): [string, Family] => [type, {
      spec: composite(decoders, text),
      names: (spec, tensors) => decoders[spec.family].names(spec, tensors),
    }]),
  ),
};
