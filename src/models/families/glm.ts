/**
 * GLM-4: biases on q, k and v, half of each head rotated in neighbouring pairs, gate and up in one matrix. The newer `glm4` also has
 * norms behind its modules. Source: Hugging Face `modeling_glm.py`, `modeling_glm4.py`.
 */
import type { Config } from "../config/config.ts";
import { fusedUp, hasBias, partial } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import { decoderStems, fusedUnits, type NameTable, partStems, sharedRows } from "../stored/names.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";

function ofGlm(family: string, config: Config, behind: boolean): ModelSpec {
  return decoder(family, config, {
    headSize: 128,
    kvHeads: 2,
    bias: { qkv: config.boolean("attention_bias", true), output: false },
    epsilon: 1.5625e-7,
    norm: (rms) => ({ pre: rms(), post: behind ? rms() : null }),
    rope: { partial: 0.5, interleaved: true, positions: 131072 },
  });
}

function names(spec: ModelSpec): NameTable {
  return {
    stems: decoderStems({
      ...partStems("gate up", "mlp.%_proj", "mlp.gate_up_proj"),
      "attention.post_norm": "post_self_attn_layernorm",
      "mlp.post_norm": "post_mlp_layernorm",
    }),
    rows: sharedRows(fusedUnits(spec)),
  };
}

export const glms: Families = {
  glm: { spec: (config) => ofGlm("glm", config, false), names },
  glm4: {
    spec: (config) => ofGlm("glm4", config, true),
    names,
    gguf: {
      glm4: {
        fields: (header) => ({ ...partial(header), attention_bias: hasBias(header, "attn_q") }),
        ...fusedUp,
      },
    },
  },
};
