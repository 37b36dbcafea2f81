/**
 * DeepSeek V3 in GGUF files, llama.cpp's `deepseek2`. Its newer files, which say key_length_mla, have the matrix that makes k and v out of
 * their latent in two parts, that of k turned over in each head. Source: llama.cpp, `conversion/deepseek.py`, `src/models/deepseek2.cpp`.
 */
import { elements, type Tensor, toFloat32 } from "../../../tensor/mod.ts";
import { type Allocate, cutTensor, type Derived, type GgufFile, withDerived } from "../../../weights/mod.ts";
import { experts, grouped, hasBias, type Header, needed, renormalised } from "../../gguf/fields.ts";
import type { ModelSpec } from "../../spec.ts";
import { partStems } from "../../stored/names.ts";
import type { Architecture } from "../family.ts";

/** `expert_gating_func` of DeepSeek V3. */
const SIGMOID = 2;

/** The configuration. Throws `TypeError` for a file of another model that llama.cpp gives the same name: V2, Mistral Large 3. */
function latentFields(header: Header): Record<string, unknown> {
  const { field, wrong } = header;
  if (field("expert_gating_func") !== SIGMOID) {
    throw wrong(
      "expert_gating_func",
      `${SIGMOID}, the sigmoid of DeepSeek V3 (V2, and files without this field, have a softmax)`,
    );
  }
  if (field("attention.temperature_scale")) {
    throw wrong(
      "attention.temperature_scale",
      "no value, since DeepSeek V3 has no scale that grows with positions",
    );
  }
  const rotated = needed(header, "rope.dimension_count");
  const length = (part: string) =>
    needed(
      header,
      `attention.${part}_length${field(`attention.${part}_length_mla`) === undefined ? "" : "_mla"}`,
    );
  return {
    ...experts(header),
    ...renormalised(header, false),
    ...grouped(header),
    ...groups(header),
    routed_scaling_factor: field("expert_weights_scale") ?? 1,
    first_k_dense_replace: field("leading_dense_block_count") ?? 0,
    num_key_value_heads: undefined, // 1 in newer files: the latent is the one head that all share
    attention_bias: hasBias(header, "attn_output"),
    head_dim: rotated,
    q_lora_rank: field("attention.q_lora_rank") ?? null,
    kv_lora_rank: needed(header, "attention.kv_lora_rank"),
    qk_rope_head_dim: rotated,
    qk_nope_head_dim: length("key") - rotated,
    v_head_dim: length("value"),
    rope_scaling: scalingOf(header),
  };
}

/** Groups of experts. Older files do not say: those of 256 experts are of V3 and R1, those of others of models without groups. */
function groups(header: Header): Record<string, unknown> {
  const count = header.field("expert_group_count");
  if (count) return { n_group: count, topk_group: needed(header, "expert_group_used_count") };
  const isV3 = count === undefined && header.field("expert_count") === 256;
  return isV3 ? { n_group: 8, topk_group: 4 } : { n_group: 1, topk_group: 1 };
}

/** The stretched rotation. 0.1 times one multiplier stands for both of V3's; without it llama.cpp differs from Hugging Face. */
function scalingOf({ field, usual, wrong }: Header): unknown {
  const scaling = usual.rope_scaling as Record<string, unknown> | null;
  if (scaling?.rope_type !== "yarn") return scaling;
  const multiplier = Math.fround(Number(field("rope.scaling.yarn_log_multiplier") ?? 0) / 0.1);
  if (multiplier > 0) return { ...scaling, mscale: multiplier, mscale_all_dim: multiplier };
  throw wrong("rope.scaling.yarn_log_multiplier", "a number above 0 where rope.scaling.type is yarn");
}

/**
 * The file with both parts, of keys [H, C, N] and of values [H, V, C], as the one tensor [H·(N + V), C] that they stand for: C numbers of
 * the latent, of each head N of k and V of v. Throws `TypeError` where one of them is missing, or has another shape.
 */
function withJoinedLatents(file: GgufFile, spec: ModelSpec, name: string): GgufFile {
  const joined = spec.layers.flatMap(({ attention }, l): [string, Derived][] => {
    const tensor = `blk.${l}.attn_kv_b.weight`;
    if (attention?.kind !== "latent" || file.tensors.has(tensor)) return [];
    const { heads, latents: { plain, value, keyValue } } = attention;
    const parts = [`blk.${l}.attn_k_b.weight`, `blk.${l}.attn_v_b.weight`];
    [[heads, keyValue, plain], [heads, value, keyValue]].forEach((shape, i) => {
      const found = file.tensors.get(parts[i])?.shape;
      if (found?.join() === shape.join()) return;
      const what = found ? `has shape [${found}]` : "is missing";
      throw new TypeError(`Cannot load ${name}: tensor ${parts[i]} ${what}, expected [${shape}]`);
    });
    const shape = [heads * (plain + value), keyValue];
    return [[tensor, {
      info: { type: file.tensors.get(parts[0])!.type, dtype: "f32", shape, isSplit: true },
      parts,
      async read([start, end], allocate) {
        const [keys, values] = await Promise.all(parts.map((part) => file.read(part)));
        return cutTensor(joinedHeads(keys, values, shape, allocate), { axis: 0, start, end });
      },
    }]];
  });
  return withDerived(file, new Map(joined), name);
}

function joinedHeads(keys: Tensor, values: Tensor, shape: readonly number[], allocate: Allocate): Tensor {
  const [heads, width, plain] = keys.shape;
  const [turned, straight] = [toFloat32(keys), toFloat32(values)];
  const data = allocate(elements(shape));
  const [ofKey, ofValue] = [plain * width, straight.length / heads];
  for (let head = 0; head < heads; head++) {
    const start = head * (ofKey + ofValue);
    for (let row = 0; row < plain; row++) {
      for (let c = 0; c < width; c++) {
        data[start + row * width + c] = turned[head * ofKey + c * plain + row];
      }
    }
    data.set(straight.subarray(head * ofValue, (head + 1) * ofValue), start + ofKey);
  }
  return { dtype: "f32", shape, data };
}

export const deepseek2: Architecture = {
  fields: latentFields,
  stems: {
    ...partStems("q_a q_b kv_b", "attention.%_proj", "blk.*.attn_%"),
    ...partStems("q_a kv_a", "attention.%_norm", "blk.*.attn_%_norm"),
    "attention.kv_a_proj": "blk.*.attn_kv_a_mqa",
  },
  joined: withJoinedLatents,
};
