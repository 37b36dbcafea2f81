/**
 * GLM-4: biases on q, k and v, half of each head rotated in neighbouring pairs, gate and up in one matrix. The newer `glm4` also has
 * norms behind its modules. Source: Hugging Face `modeling_glm.py`, `modeling_glm4.py`.
 */
import type { Config } from "../config.ts";
import { decoderStems, fusedUnits, type NameTable, sharedRows } from "../names.ts";
import type { ModelSpec } from "../spec.ts";
import { readEpsilon } from "./common.ts";
import { preNorm } from "./llama.ts";

export const glm = (config: Config): ModelSpec => ofGlm("glm", config, false);
export const glm4 = (config: Config): ModelSpec => ofGlm("glm4", config, true);

function ofGlm(family: string, config: Config, behind: boolean): ModelSpec {
  const rms = { kind: "rms", epsilon: readEpsilon(config, "rms_norm_eps", 1.5625e-7) } as const;
  return preNorm(family, config, {
    headSize: 128,
    kvHeads: 2,
    bias: { qkv: config.boolean("attention_bias", true), output: false },
    norm: { pre: rms, post: behind ? rms : null },
    rope: { partial: 0.5, interleaved: true, positions: 131072 },
  });
}

/** Names of both. */
export function glmNames(spec: ModelSpec): NameTable {
  return {
    stems: decoderStems({
      "mlp.gate_proj": "mlp.gate_up_proj",
      "mlp.up_proj": "mlp.gate_up_proj",
      "attention.post_norm": "post_self_attn_layernorm",
      "mlp.post_norm": "post_mlp_layernorm",
    }),
    rows: sharedRows(fusedUnits(spec)),
  };
}
