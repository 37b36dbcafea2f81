/**
 * The architectures of GGUF files: what each says and names otherwise than most. Source: llama.cpp's converters (`conversion/`) and
 * the constants of its Python package `gguf`.
 */
import type { GgufFile } from "../weights/mod.ts";
import {
  experts,
  grouped,
  hasBias,
  type Header,
  layersWithout,
  partial,
  renormalised,
  sharedExpert,
} from "./gguf_fields.ts";
import {
  hybridFields,
  olderQwen3Next,
  qwen35Stems,
  qwen35Transform,
  qwen3NextStems,
  qwen3NextTransform,
} from "./gguf_hybrids.ts";
import { latentFields, withJoinedLatents } from "./gguf_latents.ts";
import { fusedUnits, type NameTable, sharedRows } from "./names.ts";
import type { ModelSpec } from "./spec.ts";

interface Architecture {
  /** Hugging Face's `model_type`; a list of windows may make another one of it. */
  readonly type: string | ((header: Header) => string);
  /** Whether rows of q and k are permuted: its rotation pairs neighbours, Hugging Face's pairs halves. */
  readonly permuted?: true;
  /** Whether norms are stored as w, where Hugging Face has w − 1. */
  readonly normsWithOne?: true;
  /** Fields of the configuration besides the usual ones; undefined takes one away. */
  readonly fields?: (header: Header) => Readonly<Record<string, unknown>>;
  readonly stems?: Readonly<Record<string, string>>;
  readonly rows?: (spec: ModelSpec) => NameTable["rows"];
  readonly transform?: (spec: ModelSpec) => NameTable["transform"];
  /** What older files have otherwise, those that have this tensor in their layers. */
  readonly older?: Required<Pick<Architecture, "stems" | "transform">> & { readonly tensor: string };
  /** The file with tensors as they are named here, where some of it has them in parts. */
  readonly joined?: (file: GgufFile, spec: ModelSpec, name: string) => GgufFile;
}

const fusedUp = { "mlp.gate_proj": "blk.*.ffn_up" };

/** By `general.architecture`. */
export const architectures: Readonly<Record<string, Architecture>> = {
  llama: {
    type: ({ field }) => field("expert_count") ? "mixtral" : "llama",
    permuted: true,
    fields: (header) => ({ ...biases(header), ...experts(header) }),
  },
  qwen2: { type: "qwen2" },
  qwen3: { type: "qwen3" },
  gemma2: { type: "gemma2", normsWithOne: true, fields: caps },
  gemma3: {
    type: "gemma3_text",
    normsWithOne: true,
    fields: (header) => ({ ...caps(header), rope_local_base_freq: header.field("rope.freq_base_swa") }),
  },
  olmo: { type: "olmo", permuted: true, fields: ({ field }) => ({ clip_qkv: field("attention.clamp_kqv") }) },
  olmo2: {
    type: ({ field }) => field("attention.sliding_window") === undefined ? "olmo2" : "olmo3",
    fields: windowed,
  },
  olmoe: { type: "olmoe", fields: (header) => ({ ...experts(header), ...renormalised(header, false) }) },
  qwen2moe: {
    type: "qwen2_moe",
    fields: (header) => ({
      ...experts(header),
      ...renormalised(header, false),
      mlp_only_layers: layersWithout(header, "ffn_gate_inp"),
      ...sharedExpert(header),
    }),
  },
  qwen3moe: {
    type: "qwen3_moe",
    fields: (header) => ({
      ...experts(header),
      ...renormalised(header, true),
      mlp_only_layers: layersWithout(header, "ffn_gate_inp"),
    }),
  },
  glm4moe: {
    type: "glm4_moe",
    fields: (header) => ({
      ...partial(header),
      ...experts(header),
      ...renormalised(header, true),
      ...grouped(header),
      attention_bias: hasBias(header, "attn_q"),
      use_qk_norm: header.tensors.has("blk.0.attn_q_norm.weight"),
    }),
    stems: { "mlp.norm": "blk.*.post_attention_norm" },
  },
  deepseek2: {
    type: "deepseek_v3",
    fields: latentFields,
    stems: {
      "attention.q_a_proj": "blk.*.attn_q_a",
      "attention.q_a_norm": "blk.*.attn_q_a_norm",
      "attention.q_b_proj": "blk.*.attn_q_b",
      "attention.kv_a_proj": "blk.*.attn_kv_a_mqa",
      "attention.kv_a_norm": "blk.*.attn_kv_a_norm",
      "attention.kv_b_proj": "blk.*.attn_kv_b",
    },
    joined: withJoinedLatents,
  },
  "gpt-oss": {
    type: "gpt_oss",
    fields: (header) => ({
      ...experts(header),
      intermediate_size: header.field("expert_feed_forward_length"),
      moe_intermediate_size: undefined,
      attention_bias: hasBias(header, "attn_output"),
      ...windowed(header),
      rope_scaling: untruncated(header),
    }),
    stems: { "mlp.norm": "blk.*.post_attention_norm", "attention.sinks": "blk.*.attn_sinks.weight" },
  },
  qwen3next: {
    type: "qwen3_next",
    fields: (header) => ({
      ...hybridFields(header),
      ...experts(header),
      ...renormalised(header, true),
      mlp_only_layers: layersWithout(header, "ffn_gate_inp"),
      ...sharedExpert(header),
    }),
    stems: qwen3NextStems,
    transform: qwen3NextTransform,
    older: olderQwen3Next,
  },
  qwen35: { type: "qwen3_5_text", fields: hybridFields, stems: qwen35Stems, transform: qwen35Transform },
  qwen35moe: {
    type: "qwen3_5_moe_text",
    fields: (header) => ({ ...hybridFields(header), ...experts(header), ...sharedExpert(header) }),
    stems: qwen35Stems,
    transform: qwen35Transform,
  },
  deci: { type: "llama", permuted: true, fields: biases }, // with layers that lack a module
  smollm3: { type: "smollm3", permuted: true, fields: biases },
  granite: {
    type: "granite",
    permuted: true,
    fields: (header) => ({
      ...biases(header),
      attention_multiplier: header.field("attention.scale"),
      embedding_multiplier: header.field("embedding_scale"),
      residual_multiplier: header.field("residual_scale"),
      logits_scaling: header.field("logit_scale"),
      // llama.cpp takes this for whether there is a rotation at all.
      ...header.field("rope.scaling.finetuned") === false ? { position_embedding_type: "nope" } : {},
    }),
  },
  cohere2: {
    type: "cohere2",
    fields: ({ field }) => ({
      layer_norm_eps: field("attention.layer_norm_epsilon"),
      logit_scale: field("logit_scale"),
      sliding_window: field("attention.sliding_window"),
    }),
    stems: { "mlp.norm": "blk.*.attn_norm" },
  },
  glm4: {
    type: "glm4",
    fields: (header) => ({ ...partial(header), attention_bias: hasBias(header, "attn_q") }),
    stems: fusedUp,
    rows: (spec) => sharedRows(fusedUnits(spec)),
  },
  phi3: {
    type: "phi3",
    fields: (header) => ({
      ...partial(header),
      sliding_window: header.field("attention.sliding_window") || null,
      original_max_position_embeddings: header.field("rope.scaling.original_context_length") ??
        header.usual.max_position_embeddings,
    }),
    stems: fusedUp,
    rows: (spec) => sharedRows(fusedUnits(spec)),
  },
  gpt2: {
    type: "gpt2",
    fields: ({ field, tensors, usual }) => ({
      ...Object.fromEntries(Object.keys(usual).map((key) => [key, undefined])),
      vocab_size: usual.vocab_size,
      tie_word_embeddings: usual.tie_word_embeddings,
      n_embd: usual.hidden_size,
      n_layer: usual.num_hidden_layers,
      n_head: usual.num_attention_heads,
      n_inner: usual.intermediate_size,
      n_positions: tensors.get("position_embd.weight")?.shape[0],
      layer_norm_epsilon: field("attention.layer_norm_epsilon"),
    }),
    stems: { position: "position_embd" },
  },
};

/** What an architecture's files store otherwise than Hugging Face's. */
export function ggufStorage(architecture: string): { permuted: boolean; normsWithOne: boolean } {
  const { permuted = false, normsWithOne = false } = architectures[architecture];
  return { permuted, normsWithOne };
}

/**
 * gpt-oss's rotation: no field says that the ends of its stretch are not rounded to whole frequencies (llama.cpp rounds them), and a
 * file that says nothing of a stretch has none.
 */
function untruncated({ usual }: Header): Record<string, unknown> {
  const scaling = usual.rope_scaling as Record<string, unknown> | null;
  return scaling?.rope_type === "yarn"
    ? { ...scaling, truncate: false }
    : scaling ?? { rope_type: "default" };
}

/** The architectures that may be read as a model type: for a file that says nothing of itself, or something of everything. */
export function architecturesOf(modelType: string): string[] {
  const headers = [undefined, 1].map((value): Header => (
    { field: () => value, list: () => undefined, tensors: new Map(), usual: {}, wrong: TypeError }
  ));
  const typesOf = ({ type }: Architecture) => typeof type === "string" ? [type] : headers.map(type);
  return Object.keys(architectures).filter((name) => typesOf(architectures[name]).includes(modelType));
}

/** Llama's biases, which no field tells of; other architectures have theirs always, or never. */
function biases(header: Header): Record<string, boolean> {
  return { attention_bias: hasBias(header, "attn_output"), mlp_bias: hasBias(header, "ffn_down") };
}

function caps({ field, usual }: Header): Record<string, unknown> {
  return {
    sliding_window: field("attention.sliding_window"),
    query_pre_attn_scalar: usual.head_dim,
    attn_logit_softcapping: field("attn_logit_softcapping"),
    final_logit_softcapping: field("final_logit_softcapping"),
  };
}

/** Which layers have a window: a list of true and false, or a number n for all but every n-th. */
function windowed({ field, list, usual }: Header): Record<string, unknown> {
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
