/** What the header of a GGUF file says, and fields of it that several architectures have. */
import type { GgufValue } from "../../weights/mod.ts";
import type { ModelSpec } from "../spec.ts";
import { fusedUnits, sharedRows } from "../stored/names.ts";

/** A value of the file's metadata; lists are read by those who know of them. */
export type Single = number | string | boolean | undefined;

/** What a file's header says, under keys of its architecture. */
export interface Header {
  readonly field: (key: string) => Single;
  readonly list: (key: string) => GgufValue | undefined;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  /** The configuration that most have, which `fields` adds to. */
  readonly usual: Readonly<Record<string, unknown>>;
  /** What to throw for a field that has another value. */
  readonly wrong: (key: string, expected: string) => TypeError;
}

/** A number without which the model would be another one. */
export function needed({ field, wrong }: Header, key: string): number {
  const value = field(key);
  if (typeof value === "number") return value;
  throw wrong(key, "a number");
}

/** How many experts there are, how many a token has, and their width where it is their own. */
export function experts(header: Header): Record<string, unknown> {
  const { field } = header;
  return {
    num_experts: field("expert_count"),
    num_experts_per_tok: field("expert_count") ? needed(header, "expert_used_count") : undefined,
    moe_intermediate_size: field("expert_feed_forward_length"),
  };
}

/** The width of what all tokens pass through beside their experts. */
export function sharedExpert({ field }: Header): Record<string, unknown> {
  return { shared_expert_intermediate_size: field("expert_shared_feed_forward_length") };
}

/** Whether a token's weights sum to 1; llama.cpp has a rule of its own for each architecture where the file does not say. */
export function renormalised({ field }: Header, rule: boolean): Record<string, unknown> {
  return { norm_topk_prob: field("expert_weights_norm") ?? rule };
}

export function hasBias({ tensors }: Header, stem: string): boolean {
  return tensors.keys().some((name) => name.endsWith(`.${stem}.bias`));
}

/** The share of a head that is rotated. */
export function partial({ field, usual }: Header): Record<string, unknown> {
  const size = field("rope.dimension_count");
  return size === undefined ? {} : { partial_rotary_factor: Number(size) / Number(usual.head_dim) };
}

/** Layers that predict further tokens are counted in the file, and are not part of the decoder. */
export function decoderLayers(header: Header): { num_hidden_layers: number } {
  return {
    num_hidden_layers: needed(header, "block_count") - Number(header.field("nextn_predict_layers") ?? 0),
  };
}

/** DeepSeek V3's mixtures, and in which layers they are. */
export function grouped(header: Header): Record<string, unknown> {
  const { field } = header;
  return {
    ...decoderLayers(header),
    n_shared_experts: field("expert_shared_count"),
    routed_scaling_factor: field("expert_weights_scale"),
    first_k_dense_replace: field("leading_dense_block_count"),
    n_group: field("expert_group_count"),
    topk_group: field("expert_group_used_count"),
  };
}

/** Llama's biases, which no field tells of; other architectures have theirs always, or never. */
export function biases(header: Header): Record<string, boolean> {
  return { attention_bias: hasBias(header, "attn_output"), mlp_bias: hasBias(header, "ffn_down") };
}

/** Which layers have a window: a list of true and false, or a number n for all but every n-th. */
export function windowed({ field, list, usual }: Header): Record<string, unknown> {
  const window = field("attention.sliding_window");
  const given = list("attention.sliding_window_pattern");
  if (window === undefined) return {};
  const layers = Number(usual.num_hidden_layers);
  const flags = typeof given === "object"
    ? Array.from(given as ArrayLike<unknown>, Boolean)
    : typeof given === "number"
    ? Array.from({ length: layers }, (_, l) => (l + 1) % given !== 0)
    : [];
  return {
    sliding_window: window,
    ...flags.length === layers
      ? { layer_types: flags.map((flag) => flag ? "sliding_attention" : "full_attention") }
      : {},
  };
}

/** Gate and up in one matrix. */
export const fusedUp = {
  stems: { "mlp.gate_proj": "blk.*.ffn_up" },
  rows: (spec: ModelSpec) => sharedRows(fusedUnits(spec)),
};
