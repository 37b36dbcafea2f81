/**
 * Hybrids in GGUF files, `qwen3next`, `qwen35` and `qwen35moe`: llama.cpp names linear attention as it names state space models, and stores
 * −A instead of ln A, the convolution without its axis of one entry, and, of Qwen3.5, value heads in turns: the first of each key head,
 * then the second of each. Source: llama.cpp, `conversion/qwen.py`, `src/models/qwen3next.cpp`, `src/models/qwen35.cpp`.
 */
import { elements, type Tensor, toFloat32 } from "../../../tensor/mod.ts";
import type { Allocate, TensorRef } from "../../../weights/mod.ts";
import { decoderLayers, hasBias, type Header, needed, partial } from "../../gguf/fields.ts";
import type { ModelSpec } from "../../spec.ts";
import type { NameTable } from "../../stored/names.ts";
import { gatedQueries, linearOf, ratesByKeyHead, streamsByKeyHead } from "./hybrid_names.ts";

/** Fields of all three. The kind of each layer is in a list or follows from an interval, by default 4. */
export function hybridFields(header: Header): Record<string, unknown> {
  const { field, list } = header;
  const size = (key: string) => needed(header, `ssm.${key}`);
  const layers = decoderLayers(header);
  const given = list("attention.recurrent_layers");
  return {
    ...partial(header),
    ...layers,
    attention_bias: hasBias(header, "attn_q"),
    linear_num_key_heads: size("group_count"),
    linear_num_value_heads: size("time_step_rank"),
    linear_key_head_dim: size("state_size"),
    linear_value_head_dim: size("inner_size") / size("time_step_rank"),
    linear_conv_kernel_dim: size("conv_kernel"),
    full_attention_interval: field("full_attention_interval"),
    ...typeof given === "object"
      ? { layer_types: kinds(given as ArrayLike<unknown>).slice(0, layers.num_hidden_layers) }
      : {},
  };
}

const kinds = (linear: ArrayLike<unknown>) =>
  Array.from(linear, (flag) => flag ? "linear_attention" : "full_attention");

/** Stems of all three. */
const common = {
  "mlp.norm": "blk.*.post_attention_norm",
  "attention.g_proj": "blk.*.attn_q",
  "attention.qkv_proj": "blk.*.attn_qkv",
  "attention.z_proj": "blk.*.attn_gate",
  "attention.conv": "blk.*.ssm_conv1d",
  "attention.a_log": "blk.*.ssm_a",
  "attention.dt_bias": "blk.*.ssm_dt.bias",
  "attention.gate_norm": "blk.*.ssm_norm",
  "attention.out_proj": "blk.*.ssm_out",
};

const qwen3NextStems = { ...common, "attention.a_proj": "blk.*.ssm_ba", "attention.b_proj": "blk.*.ssm_ba" };

export const qwen3NextStorage = {
  stems: qwen3NextStems,
  transform: qwen3NextTransform,
  /** Older files have the streams in one matrix too. */
  older: {
    tensor: "ssm_in",
    stems: { ...qwen3NextStems, "attention.qkv_proj": "blk.*.ssm_in", "attention.z_proj": "blk.*.ssm_in" },
    transform(spec: ModelSpec): NameTable["transform"] {
      const [streams, others] = [streamsByKeyHead(spec), qwen3NextTransform(spec)!];
      return (canonical) => streams(canonical) ?? others(canonical);
    },
  },
};

export const qwen35Storage = {
  stems: { ...common, "attention.a_proj": "blk.*.ssm_alpha", "attention.b_proj": "blk.*.ssm_beta" },
  transform: qwen35Transform,
};

/** Value heads are in the order of their key heads; a and b lie in one matrix, as in Hugging Face's files. */
function qwen3NextTransform(spec: ModelSpec): NameTable["transform"] {
  const [rates, gated] = [ratesByKeyHead(spec), gatedQueries(spec)];
  return (canonical) => rates(canonical) ?? gated(canonical) ?? forms[canonical];
}

/** Value heads are in turns, in every tensor that has them. */
function qwen35Transform(spec: ModelSpec): NameTable["transform"] {
  const [places, gated] = [placesOfValues(spec), gatedQueries(spec)];
  const heads = linearOf(spec);
  return (canonical) => {
    const form = forms[canonical];
    const place = places[canonical];
    if (!place) return gated(canonical) ?? form;
    return (tensor, allocate) => {
      const ordered = byKeyHead(tensor, place, heads, allocate);
      return form ? form(ordered, allocate) : ordered;
    };
  };
}

/** Tensors of another form than Hugging Face's. */
const forms: Readonly<Record<string, NonNullable<TensorRef["transform"]>>> = {
  "attention.conv.weight": ({ shape: [channels, ...kernel], ...tensor }) => (
    { ...tensor, shape: [channels, 1, ...kernel] }
  ),
  "attention.a_log": logarithms,
};

/** ln A of −A. Throws `RangeError` where A would be below 0. */
function logarithms(tensor: Tensor, allocate: Allocate): Tensor {
  const stored = toFloat32(tensor);
  const wrong = stored.findIndex((value) => !(value <= 0));
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot take the logarithm of −(${stored[wrong]}) at index ${wrong}: expected stored numbers of at ` +
        "most 0",
    );
  }
  const data = allocate(stored.length);
  stored.forEach((value, i) => data[i] = Math.log(-value));
  return { dtype: "f32", shape: tensor.shape, data };
}

/** Where value heads of `size` lie along an axis: behind `before` others. */
type Place = { readonly axis: 0 | 1; readonly before?: number; readonly size: number };

function placesOfValues(spec: ModelSpec): Readonly<Record<string, Place>> {
  const { keyHeads, valueHeads, keySize, valueSize } = linearOf(spec);
  if (keyHeads === valueHeads) return {};
  const values: Place = { axis: 0, size: valueSize };
  const behindKeys: Place = { ...values, before: 2 * keyHeads * keySize };
  const numbers: Place = { axis: 0, size: 1 };
  return {
    "attention.qkv_proj.weight": behindKeys,
    "attention.conv.weight": behindKeys,
    "attention.z_proj.weight": values,
    "attention.a_proj.weight": numbers,
    "attention.b_proj.weight": numbers,
    "attention.a_log": numbers,
    "attention.dt_bias": numbers,
    "attention.out_proj.weight": { ...values, axis: 1 },
  };
}

/** Value heads along an axis from (turn, key head) to (key head, turn). Throws `RangeError` for another number of entries. */
function byKeyHead(
  tensor: Tensor,
  { axis, before = 0, size }: Place,
  { keyHeads, valueHeads }: { readonly keyHeads: number; readonly valueHeads: number },
  allocate: Allocate,
): Tensor {
  const { shape } = tensor;
  const of = before + valueHeads * size;
  if (shape[axis] !== of) {
    throw new RangeError(
      `Cannot reorder ${shape[axis] ?? 1} ${axis === 0 ? "rows" : "columns"} by key head: expected ${of}, ` +
        `${before} and ${size} for each of ${valueHeads} value heads`,
    );
  }
  const [outer, inner] = [elements(shape.slice(0, axis)), elements(shape.slice(axis + 1))];
  const [turns, length] = [valueHeads / keyHeads, size * inner];
  const stored = toFloat32(tensor);
  const data = allocate(stored.length);
  data.set(stored);
  for (let o = 0; o < outer; o++) {
    const start = (o * of + before) * inner;
    for (let head = 0; head < valueHeads; head++) {
      const from = start + ((head % turns) * keyHeads + Math.trunc(head / turns)) * length;
      data.set(stored.subarray(from, from + length), start + head * length);
    }
  }
  return { dtype: "f32", shape, data };
}
