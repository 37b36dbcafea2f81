/**
 * DeepSeek V3's mixtures: sigmoid scores, a correction for choosing only, groups of experts of which the best are left, experts that all
 * tokens pass through, and MLPs in the first layers. GLM-4.5 has them with another attention.
 * Source: Hugging Face `modeling_deepseek_v3.py`, `modeling_glm4_moe.py`.
 */
import { type Config, positive } from "../../config/config.ts";
import { experts as ggufExperts, grouped, hasBias, partial, renormalised } from "../../gguf/fields.ts";
import type { MlpSpec } from "../../modules/dense.ts";
import type { RouterSpec } from "../../modules/experts.ts";
import type { FeedSpec } from "../../modules/list.ts";
import type { ModelSpec } from "../../spec.ts";
import { decoderStems, expertStems, type NameTable } from "../../stored/names.ts";
import { decoder } from "../decoder.ts";
import type { Families } from "../family.ts";
import { type Choice, mixture, networkOf, passOver, readChoice } from "./mixture.ts";

function glm4Moe(config: Config): ModelSpec {
  const defaults = { experts: 128, size: 1408, groups: 1, topGroups: 1, scale: 1, dense: 1 };
  return decoder("glm4_moe", config, {
    bias: { qkv: config.boolean("attention_bias", false), output: false },
    rope: { partial: 0.5, positions: 131072 },
    kvHeads: 8,
    epsilon: 1e-5,
    ...config.boolean("use_qk_norm", false) ? { qkNorm: "head" } : {},
    module: groupedModule(config, defaults),
  });
}

/** The second module of a layer: the MLP in the first layers, then mixtures; with these numbers where a configuration does not say. */
export function groupedModule(
  config: Config,
  { experts, size, groups, topGroups, scale, dense }: Readonly<
    Record<"experts" | "size" | "groups" | "topGroups" | "scale" | "dense", number>
  >,
): (mlp: MlpSpec, layer: number) => FeedSpec {
  const choice = readChoice(config, experts, 8);
  const own = config.count("moe_intermediate_size", size);
  const shared = config.count("n_shared_experts", 1) * own;
  const first = config.number("first_k_dense_replace", dense);
  const router: RouterSpec = {
    score: "sigmoid",
    renormalise: config.boolean("norm_topk_prob", true),
    scale: positive(config, "routed_scaling_factor", config.number("routed_scaling_factor", scale)),
    bias: false,
    correction: true,
    groups: readGroups(config, choice, groups, topGroups),
  };
  passOver(config);
  // Layers behind the last, which predict further tokens, are not part of the decoder.
  ["num_nextn_predict_layers", "num_mtp_layers"].forEach(config.value);
  return (mlp, layer) =>
    layer < first
      ? mlp
      : mixture(mlp, choice, { router, size: own, shared: { ...networkOf(mlp, shared), gate: false } });
}

/**
 * The groups; null where all are left. Throws `RangeError` where experts do not divide into them, two or more in each, for more groups than
 * there are, and for groups that together have fewer experts than a token.
 */
function readGroups(
  config: Config,
  { experts, top }: Choice,
  count: number,
  left: number,
): RouterSpec["groups"] {
  const groups = { count: config.count("n_group", count), top: config.count("topk_group", left) };
  if (groups.top > groups.count) {
    throw config.rangeError(
      `topk_group is ${groups.top}, expected at most ${groups.count}, the number of groups (n_group)`,
    );
  }
  if (groups.top === groups.count) return null;
  const size = experts / groups.count;
  if (!Number.isInteger(size) || size < 2) {
    throw config.rangeError(
      `n_group is ${groups.count}, expected a divisor of ${experts} experts with at least two experts in each group`,
    );
  }
  if (groups.top * size >= top) return groups;
  throw config.rangeError(
    `topk_group is ${groups.top}, expected enough groups of ${size} experts for ${top} experts per token (num_experts_per_tok)`,
  );
}

const groupedNames: NameTable = { stems: decoderStems(expertStems("mlp", { shared: "shared_experts" })) };

export const groupedMixtures: Families = {
  glm4_moe: {
    spec: glm4Moe,
    names: () => groupedNames,
    gguf: {
      glm4moe: {
        fields: (header) => ({
          ...partial(header),
          ...ggufExperts(header),
          ...renormalised(header, true),
          ...grouped(header),
          attention_bias: hasBias(header, "attn_q"),
          use_qk_norm: header.tensors.has("blk.0.attn_q_norm.weight"),
        }),
        stems: { "mlp.norm": "blk.*.post_attention_norm" },
      },
    },
  },
};
