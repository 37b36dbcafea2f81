/**
 * Llamas with gate and up in one matrix. Phi-3 has q, k and v in another, and a rotation that is another one in long texts. GLM-4 has
 * biases on q, k and v, and half of each head rotated in neighbouring pairs; the newer `glm4` also norms behind its modules. Source:
 * Hugging Face `modeling_phi3.py`, `modeling_glm.py`, `modeling_glm4.py`.
 */
import type { Config } from "../config/config.ts";
import { fusedUp, hasBias, partial } from "../gguf/fields.ts";
import type { ModelSpec } from "../spec.ts";
import {
  decoderStems,
  fusedHeads,
  fusedUnits,
  type NameTable,
  partStems,
  sharedRows,
} from "../stored/names.ts";
import { readWindow } from "./common.ts";
import { decoder } from "./decoder.ts";
import type { Families } from "./family.ts";

function phi3(config: Config): ModelSpec {
  config.value("original_max_position_embeddings"); // without a stretched rotation it says nothing
  const window = config.value("sliding_window") === undefined ? null : readWindow(config);
  return decoder("phi3", config, {
    windows: () => window,
    epsilon: 1e-5,
    rope: { partial: 1, positions: 4096, original: 4096, kinds: { su: "longrope", yarn: "longrope" } },
  });
}

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

function glmNames(spec: ModelSpec): NameTable {
  return {
    stems: decoderStems({
      ...partStems("gate up", "mlp.%_proj", "mlp.gate_up_proj"),
      "attention.post_norm": "post_self_attn_layernorm",
      "mlp.post_norm": "post_mlp_layernorm",
    }),
    rows: sharedRows(fusedUnits(spec)),
  };
}

export const fused: Families = {
  phi3: {
    spec: phi3,
    names: (spec) => ({
      stems: decoderStems({
        ...partStems("q k v", "attention.%_proj", "self_attn.qkv_proj"),
        ...partStems("gate up", "mlp.%_proj", "mlp.gate_up_proj"),
      }),
      rows: sharedRows({ ...fusedHeads(spec), ...fusedUnits(spec) }),
    }),
    gguf: {
      phi3: {
        fields: (header) => ({
          ...partial(header),
          sliding_window: header.field("attention.sliding_window") || null,
          original_max_position_embeddings: header.field("rope.scaling.original_context_length") ??
            header.usual.max_position_embeddings,
        }),
        ...fusedUp,
      },
    },
  },
  glm: { spec: (config) => ofGlm("glm", config, false), names: glmNames },
  glm4: {
    spec: (config) => ofGlm("glm4", config, true),
    names: glmNames,
    gguf: {
      glm4: {
        fields: (header) => ({ ...partial(header), attention_bias: hasBias(header, "attn_q") }),
        ...fusedUp,
      },
    },
  },
};
