/**
 * Granite 3: Llama with four multipliers, of embeddings, scores, updates and logits. Source: Hugging Face `modeling_granite.py`.
 */
import type { Config } from "../config.ts";
import { positive } from "../positive.ts";
import type { ModelSpec } from "../spec.ts";
import { preNorm } from "./llama.ts";

export function granite(config: Config): ModelSpec {
  const multiplier = (field: string) => positive(config, field, config.number(field, 1));
  const bias = config.boolean("attention_bias", false);
  const scale = multiplier("attention_multiplier");
  const spec = preNorm("granite", config, {
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
