/**
 * DeepSeek V3: latent attention, MLPs in the first layers and grouped mixtures in the others. Source: Hugging Face
 * `modeling_deepseek_v3.py`.
 */
import type { Config } from "../../config/config.ts";
import type { LatentSpec } from "../../modules/latent.ts";
import type { SoftmaxSpec } from "../../modules/softmax.ts";
import type { RopeSpec } from "../../pieces.ts";
import type { ModelSpec } from "../../spec.ts";
import { readBias } from "../common.ts";
import { decoderStems, expertStems, type NameTable, partStems } from "../../stored/names.ts";
import { decoder } from "../decoder.ts";
import type { Families } from "../family.ts";
import { deepseek2 } from "./deepseek_gguf.ts";
import { groupedModule } from "./grouped.ts";

function deepseekV3(config: Config): ModelSpec {
  const rotated = config.count("qk_rope_head_dim", 64);
  const interleaved = config.boolean("rope_interleave", true);
  config.value("qk_head_dim"); // a sum that some write
  const latents = readLatents(config);
  const size = latents.plain + rotated;
  const mixer = ({ qkNorm: _, ...attention }: SoftmaxSpec): LatentSpec => ({
    ...attention,
    kind: "latent",
    kvHeads: attention.heads,
    headSize: Math.max(size, latents.value),
    scale: size ** -0.5 * (allDimensions(config, attention.rope) ** 2),
    latents,
  });
  return decoder("deepseek_v3", config, {
    rotatedSize: rotated,
    kvHeads: config.count("num_attention_heads"),
    bias: readBias(config),
    mixer,
    rope: { positions: 4096, ...interleaved ? { interleaved: true } : {} },
    module: groupedModule(config, {
      experts: 256,
      size: 2048,
      groups: 8,
      topGroups: 4,
      scale: 2.5,
      dense: 3,
    }),
  });
}

function readLatents(config: Config): LatentSpec["latents"] {
  const query = config.value("q_lora_rank") === null ? null : config.count("q_lora_rank", 1536);
  return {
    query,
    keyValue: config.count("kv_lora_rank", 512),
    plain: config.count("qk_nope_head_dim", 128),
    value: config.count("v_head_dim", 128),
    epsilon: 1e-6,
  };
}

/** The factor of q and k in a stretched rotation, where `mscale_all_dim` says so. */
function allDimensions(config: Config, rope: RopeSpec | null): number {
  if (!rope?.scaling || !("factor" in rope.scaling)) return 1;
  const parameters = config.child("rope_parameters") ?? config.child("rope_scaling");
  const weight = parameters?.optional("mscale_all_dim") ?? 0;
  return weight && rope.scaling.factor > 1 ? 0.1 * weight * Math.log(rope.scaling.factor) + 1 : 1;
}

const deepseekNames: NameTable = {
  stems: decoderStems({
    ...partStems("q_a q_b kv_b", "attention.%_proj", "self_attn.%_proj"),
    ...partStems("q_a kv_a", "attention.%_norm", "self_attn.%_layernorm"),
    "attention.kv_a_proj": "self_attn.kv_a_proj_with_mqa",
    ...expertStems("mlp", { shared: "shared_experts" }),
  }),
};

export const deepseeks: Families = {
  deepseek_v3: { spec: deepseekV3, names: () => deepseekNames, gguf: { deepseek2 } },
};
