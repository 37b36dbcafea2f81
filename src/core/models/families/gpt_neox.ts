/**
 * GPT-NeoX and Pythia: LayerNorm with biases, rotation of a part of each head, and (by default) a parallel residual.
 * q, k and v lie in one matrix, head by head: [H, 3, E, D]. Source: Hugging Face `modeling_gpt_neox.py`.
 */
import type { Config } from "../config/config.ts";
import { readRope } from "../config/rope_fields.ts";
import { firstScoring, type LayerSpec, type ModelSpec } from "../spec.ts";
import { type NameTable, partStems, takeRows } from "../stored/names.ts";
import { readActivation, readBias, readEpsilon } from "./common.ts";
import type { Families } from "./family.ts";

function gptNeox(config: Config): ModelSpec {
  const share = config.number("rotary_pct", 0.25);
  checkCopy(config, "rope_theta", "rotary_emb_base", config.number("rotary_emb_base", 10000));
  checkCopy(config, "partial_rotary_factor", "rotary_pct", share);
  const hidden = config.count("hidden_size");
  const heads = config.count("num_attention_heads");
  const headSize = hidden / heads;
  if (!Number.isInteger(headSize)) {
    throw config.rangeError(`hidden_size is ${hidden}, expected a multiple of ${heads} heads`);
  }
  const layerNorm = { kind: "layer", epsilon: readEpsilon(config, "layer_norm_eps", 1e-5) } as const;
  const norm = { pre: layerNorm, post: null };
  const layer: LayerSpec = {
    residual: config.boolean("use_parallel_residual", true) ? "parallel" : "sequential",
    attention: {
      kind: "softmax",
      norm,
      heads,
      kvHeads: heads,
      headSize,
      scale: headSize ** -0.5,
      rope: readRope(config, headSize, { theta: "rotary_emb_base", partial: share }),
      window: null,
      softcap: null,
      qkNorm: null,
      bias: readBias(config, true),
    },
    mlp: {
      kind: "dense",
      norm,
      size: config.count("intermediate_size"),
      activation: readActivation(config, "hidden_act", "gelu"),
      gated: false,
      bias: true,
    },
  };
  return {
    family: "gpt_neox",
    hidden,
    vocabulary: config.count("vocab_size"),
    layers: Array.from({ length: config.count("num_hidden_layers") }, () => layer),
    embeddingScale: 1,
    finalNorm: layerNorm,
    head: { tied: config.boolean("tie_word_embeddings", false), softcap: null },
  };
}

/** Some versions write the rotation a second time under the names of other families, and never read that. */
function checkCopy(config: Config, key: string, original: string, value: number): void {
  const copy = config.number(key, value);
  if (copy !== value) throw config.rangeError(`${key} is ${copy}, expected ${value}, as in ${original}`);
}

const layerStem = (stem: string) => `gpt_neox.layers.*.${stem}`;

/** How q, k and v are taken out of their matrix depends on the number of heads. */
function names(spec: ModelSpec): NameTable {
  const { heads = 1 } = firstScoring(spec) ?? {};
  return {
    stems: {
      embedding: "gpt_neox.embed_in",
      final_norm: "gpt_neox.final_layer_norm",
      head: "embed_out",
      "attention.norm": layerStem("input_layernorm"),
      ...partStems("q k v", "attention.%_proj", layerStem("attention.query_key_value")),
      "attention.o_proj": layerStem("attention.dense"),
      "mlp.norm": layerStem("post_attention_layernorm"),
      "mlp.up_proj": layerStem("mlp.dense_h_to_4h"),
      "mlp.down_proj": layerStem("mlp.dense_4h_to_h"),
    },
    transform(canonical) {
      const part = ["q", "k", "v"].findIndex((part) => canonical.startsWith(`attention.${part}_proj`));
      return part < 0 ? undefined : (tensor, allocate) => {
        const size = Math.trunc(tensor.shape[0] / (3 * heads));
        const rows = { start: part * size, end: (part + 1) * size, of: 3 * size };
        return takeRows(tensor, heads, [rows], allocate);
      };
    },
  };
}

export const gptNeoxes: Families = { gpt_neox: { spec: gptNeox, names } };
