/**
 * GGUF files as models: their metadata as the `config.json` that Hugging Face would have, and their tensor names.
 *
 * llama.cpp stores two things differently, and both are undone here: the rows of q and k of Llama-family files are
 * permuted (its rotation pairs neighbours, Hugging Face's pairs halves), and Gemma's norms are stored as w, not w − 1.
 */
import { elements, type Tensor, toFloat32 } from "../tensor/mod.ts";
import type { Allocate, GgufValue } from "../weights/mod.ts";
import type { NameTable } from "./names.ts";
import { dividedBy, type RopeFactors } from "./gguf_rope.ts";

/** `general.architecture` → Hugging Face's `model_type`. */
const modelTypes: Record<string, string> = {
  llama: "llama",
  qwen2: "qwen2",
  qwen3: "qwen3",
  gemma2: "gemma2",
  gemma3: "gemma3_text",
  olmo2: "olmo2",
  deci: "llama", // with layers that lack a module
};

/** What a GGUF file's header says. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  /** What the tensors say that a rotation's frequencies are divided by; absent where there are none. */
  readonly ropeFactors?: RopeFactors | null;
}

/** The metadata as a configuration. Throws `TypeError` for an architecture or a field that is not supported. */
export function ggufConfig(file: GgufHeader, name: string): Record<string, unknown> {
  const { metadata } = file;
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string" || !Object.hasOwn(modelTypes, architecture)) {
    const known = Object.keys(modelTypes).join(", ");
    throw new TypeError(
      `Cannot run ${name}: general.architecture is ${architecture}, expected one of ${known}`,
    );
  }
  const field: Field = (key) =>
    single(name, `${architecture}.${key}`, metadata.get(`${architecture}.${key}`));
  const layers = field("block_count");
  if (typeof layers === "number" && layers > file.tensors.size) { // before a list of so many is made
    throw new RangeError(
      `Cannot run ${name}: ${architecture}.block_count is ${layers}, expected at most the ${file.tensors.size} ` +
        "tensors that it has",
    );
  }
  const counts = architecture === "deci" ? countsByLayer(metadata, name, Number(layers)) : {
    num_attention_heads: field("attention.head_count"),
    num_key_value_heads: field("attention.head_count_kv"),
    intermediate_size: field("feed_forward_length"),
  };
  const headSize = field("attention.key_length") ??
    Math.trunc(Number(field("embedding_length")) / Number(counts.num_attention_heads));
  return {
    model_type: modelTypes[architecture],
    vocab_size: file.tensors.get("token_embd.weight")?.shape[0],
    hidden_size: field("embedding_length"),
    num_hidden_layers: layers,
    ...counts,
    head_dim: headSize,
    rms_norm_eps: field("attention.layer_norm_rms_epsilon"),
    max_position_embeddings: field("context_length"),
    tie_word_embeddings: !file.tensors.has("output.weight"),
    bos_token_id: metadata.get("tokenizer.ggml.bos_token_id"),
    eos_token_id: metadata.get("tokenizer.ggml.eos_token_id"),
    ...rope(field, file.ropeFactors ?? null),
    ...traits(architecture, field, headSize),
    ...biases(architecture, file),
  };
}

type Single = number | string | boolean | undefined;
type Field = (key: string) => Single;

/** A field that a configuration has as one value. What float64 cannot hold is too large for any of them, and refused as such. */
function single(name: string, key: string, value: GgufValue | undefined): Single {
  if (typeof value === "object") {
    throw new TypeError(`Cannot run ${name}: ${key} is a list of ${value.length}, expected one value`);
  }
  return typeof value === "bigint" ? Number(value) : value;
}

/**
 * What `deci` says layer by layer, where 0 stands for a module that is not there, as LLM-Drop's lists. Layers that are there
 * have to be alike. A layer with heads but without keys, which is a matrix instead of attention, is refused with the rest.
 */
function countsByLayer(metadata: GgufHeader["metadata"], name: string, layers: number) {
  const [heads, kvHeads, sizes] = ["attention.head_count", "attention.head_count_kv", "feed_forward_length"]
    .map((key) => {
      const value = metadata.get(`deci.${key}`);
      const list = ArrayBuffer.isView(value) ? Array.from(value, Number) : Array(layers).fill(value);
      const counts = new Set(list.filter((count) => count !== 0));
      if (list.length !== layers || counts.size > 1) {
        throw new TypeError(
          `Cannot run ${name}: deci.${key} is ${
            list.join(" ")
          }, expected for each of ${layers} layers one number or 0`,
        );
      }
      return { count: [...counts][0], without: list.flatMap((count, l) => count === 0 ? [l] : []) };
    });
  if (heads.without.join() !== kvHeads.without.join()) {
    throw new TypeError(
      `Cannot run ${name}: deci.attention.head_count_kv is 0 in layers ${
        kvHeads.without.join(" ") || "none"
      }, ` +
        `expected where head_count is: ${heads.without.join(" ") || "none"}`,
    );
  }
  return {
    num_attention_heads: heads.count,
    num_key_value_heads: kvHeads.count,
    intermediate_size: sizes.count,
    drop_attn_list: heads.without,
    drop_mlp_list: sizes.without,
  };
}

function rope(field: Field, factors: RopeFactors | null): Record<string, unknown> {
  const type = field("rope.scaling.type");
  const scaling = factors ? dividedBy(factors, field) : type === undefined || type === "none" ? null : {
    rope_type: type,
    factor: field("rope.scaling.factor"),
    original_max_position_embeddings: field("rope.scaling.original_context_length"),
  };
  return { rope_theta: field("rope.freq_base"), rope_scaling: scaling };
}

function traits(architecture: string, field: Field, headSize: Single): Record<string, unknown> {
  if (!architecture.startsWith("gemma")) return {};
  return {
    sliding_window: field("attention.sliding_window"),
    query_pre_attn_scalar: headSize,
    ...architecture === "gemma3" ? { rope_local_base_freq: field("rope.freq_base_swa") } : {},
    attn_logit_softcapping: field("attn_logit_softcapping"),
    final_logit_softcapping: field("final_logit_softcapping"),
  };
}

/** Llama's biases, which no field tells of; other architectures have theirs always, or never. */
function biases(architecture: string, { tensors }: GgufHeader): Record<string, boolean> {
  if (architecture !== "llama" && architecture !== "deci") return {};
  const has = (stem: string) => tensors.keys().some((name) => name.endsWith(`.${stem}.bias`));
  return { attention_bias: has("attn_output"), mlp_bias: has("ffn_down") };
}

const stems: Record<string, string> = {
  embedding: "token_embd",
  final_norm: "output_norm",
  head: "output",
  "attention.norm": "blk.*.attn_norm",
  "attention.q_proj": "blk.*.attn_q",
  "attention.k_proj": "blk.*.attn_k",
  "attention.v_proj": "blk.*.attn_v",
  "attention.q_norm": "blk.*.attn_q_norm",
  "attention.k_norm": "blk.*.attn_k_norm",
  "attention.o_proj": "blk.*.attn_output",
  "attention.post_norm": "blk.*.post_attention_norm",
  "mlp.norm": "blk.*.ffn_norm",
  "mlp.gate_proj": "blk.*.ffn_gate",
  "mlp.up_proj": "blk.*.ffn_up",
  "mlp.down_proj": "blk.*.ffn_down",
  "mlp.post_norm": "blk.*.post_ffw_norm",
};

/** Names in a GGUF file; heads are needed to undo the permutation of Llama-family files. */
export function ggufNames(modelType: string, heads: number, kvHeads: number): NameTable {
  return {
    stems,
    transform(canonical) {
      if (modelType !== "llama") return undefined;
      if (canonical.startsWith("attention.q_proj.")) {
        return (tensor, allocate) => unpermute(tensor, heads, allocate);
      }
      if (canonical.startsWith("attention.k_proj.")) {
        return (tensor, allocate) => unpermute(tensor, kvHeads, allocate);
      }
    },
  };
}

/** Rows of each head from (pair, half) back to (half, pair): [H, E/2, 2, …] → [H, 2, E/2, …]. */
function unpermute(tensor: Tensor, heads: number, allocate: Allocate): Tensor {
  const [rows, ...rest] = tensor.shape;
  if (rows % (2 * heads)) {
    throw new RangeError(
      `Cannot undo the permutation of ${rows} rows: expected a multiple of ${heads} heads of even size`,
    );
  }
  const width = elements(rest);
  const half = rows / heads / 2;
  const stored = toFloat32(tensor);
  const data = allocate(stored.length);
  for (let row = 0; row < rows; row++) {
    const [head, within] = [Math.trunc(row / (2 * half)), row % (2 * half)];
    const from = head * 2 * half + (within % half) * 2 + Math.trunc(within / half);
    data.set(stored.subarray(from * width, (from + 1) * width), row * width);
  }
  return { dtype: "f32", shape: tensor.shape, data };
}
