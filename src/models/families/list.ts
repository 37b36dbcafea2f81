/** All architectures that can be run, by Hugging Face's `model_type`: a family is a file of this folder, and a name in this list. */
import type { ModelSpec } from "../spec.ts";
import { cohere } from "./cohere2.ts";
import { composite } from "./composite.ts";
import type { Architecture, Families, Family } from "./family.ts";
import { fused } from "./fused.ts";
import { gemmas } from "./gemma.ts";
import { gpt2s } from "./gpt2.ts";
import { gptNeoxes } from "./gpt_neox.ts";
import { granites, llamas } from "./llama.ts";
import { deepseeks } from "./mixtures/deepseek.ts";
import { gptOsses } from "./mixtures/gpt_oss.ts";
import { groupedMixtures } from "./mixtures/grouped.ts";
import { hybrids } from "./mixtures/hybrid.ts";
import { llamaMixtures } from "./mixtures/llama.ts";
import { olmos, postNormOlmos } from "./olmo.ts";

/** Models of text alone. */
const decoders: Families = {
  ...llamas,
  ...olmos,
  ...fused,
  ...cohere,
  ...gpt2s,
  ...granites,
  ...groupedMixtures,
  ...deepseeks,
  ...gptOsses,
  ...llamaMixtures,
  ...hybrids,
  ...gemmas,
  ...postNormOlmos,
  ...gptNeoxes,
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
export const families: Families = {
  ...decoders,
  ...Object.fromEntries(
    Object.entries(composites).map(([type, text]): [string, Family] => [type, {
      spec: composite(decoders, text),
      names: (spec: ModelSpec, tensors) => decoders[spec.family].names(spec, tensors),
    }]),
  ),
};

/** The architectures of GGUF files, each with the model type that it is if it does not say otherwise. */
export const architectures: Readonly<Record<string, Architecture & { readonly family: string }>> = Object
  .fromEntries(
    Object.entries(decoders).flatMap(([family, { gguf = {} }]) =>
      Object.entries(gguf).map(([name, architecture]) => [name, { ...architecture, family }])
    ),
  );
