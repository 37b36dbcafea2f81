/**
 * OLMo 1: Llama with LayerNorms that have no weights, and q, k and v held within a clip. Source: Hugging Face `modeling_olmo.py`.
 */
import type { Config } from "../config.ts";
import { positive } from "../positive.ts";
import type { ModelSpec } from "../spec.ts";
import { preNorm } from "./llama.ts";

export function olmo(config: Config): ModelSpec {
  const bias = config.boolean("attention_bias", false);
  const clip = positive(config, "clip_qkv", config.optional("clip_qkv"));
  return preNorm("olmo", config, {
    bias: { qkv: bias, output: bias },
    norm: { pre: { kind: "layer", epsilon: 1e-5, weight: false, bias: false }, post: null },
    attention: () => clip === null ? {} : { clip },
  });
}
