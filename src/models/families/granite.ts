/**
 * Granite 3: Llama with four multipliers, of embeddings, scores, updates and logits. Source: Hugging Face `modeling_granite.py`.
 */
import type { Config } from "../config/config.ts";
import { positive } from "../config/positive.ts";
import { biases } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";
import { llamaNames } from "./llama.ts";

function granite(config: Config): ModelSpec {
  const multiplier = (field: string) => positive(config, field, config.number(field, 1));
  const bias = config.boolean("attention_bias", false);
  const scale = multiplier("attention_multiplier");
  const spec = decoder("granite", config, {
    bias: { qkv: bias, output: bias },
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

export const granites: Families = {
  granite: {
    spec: granite,
    names: () => llamaNames,
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
