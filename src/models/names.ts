/**
 * Where a module's tensors lie in a checkpoint: canonical name → the checkpoint's name, and what must be done to the
 * stored numbers (a fused projection taken apart, a norm stored as w − 1).
 *
 * A stem stands for its `.weight` and its `.bias`; `*` in a stored stem stands for the layer's number.
 */
import type { TensorRef } from "../weights/mod.ts";

/** Names of one architecture in one kind of file. */
export interface NameTable {
  /** Canonical stem ("attention.q_proj", "embedding") → stored stem ("model.layers.*.self_attn.q_proj"). */
  readonly stems: Readonly<Record<string, string>>;
  /** What is done to a tensor after reading, by canonical name. */
  readonly transform?: (canonical: string) => TensorRef["transform"];
}

/** Finds a canonical tensor in a checkpoint. Throws if the architecture has no such tensor. */
export function storedTensor(table: NameTable, canonical: string, layer = 0): TensorRef {
  const dot = canonical.lastIndexOf(".");
  const stem = table.stems[canonical.slice(0, dot)];
  if (stem === undefined) {
    throw new TypeError(`Cannot name ${canonical}: this architecture has no such tensor`);
  }
  return {
    name: stem.replace("*", String(layer)) + canonical.slice(dot),
    transform: table.transform?.(canonical),
  };
}

/** Stems of Hugging Face's decoder models; a family overrides what it names differently. */
export function decoderStems(overrides: Record<string, string> = {}): Record<string, string> {
  const layer = (stems: Record<string, string>) =>
    Object.fromEntries(Object.entries(stems).map(([stem, stored]) => [stem, `model.layers.*.${stored}`]));
  return {
    embedding: "model.embed_tokens",
    final_norm: "model.norm",
    head: "lm_head",
    ...layer({
      "attention.norm": "input_layernorm",
      "attention.q_proj": "self_attn.q_proj",
      "attention.k_proj": "self_attn.k_proj",
      "attention.v_proj": "self_attn.v_proj",
      "attention.q_norm": "self_attn.q_norm",
      "attention.k_norm": "self_attn.k_norm",
      "attention.o_proj": "self_attn.o_proj",
      "mlp.norm": "post_attention_layernorm",
      "mlp.gate_proj": "mlp.gate_proj",
      "mlp.up_proj": "mlp.up_proj",
      "mlp.down_proj": "mlp.down_proj",
      ...overrides,
    }),
  };
}
