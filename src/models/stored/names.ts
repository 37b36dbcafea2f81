/**
 * Where a module's tensors lie in a checkpoint: canonical name → the checkpoint's name, and what must be done to the
 * stored numbers (a fused projection taken apart, a norm stored as w − 1).
 *
 * A stem stands for its `.weight` and its `.bias`; `*` in a stored stem stands for the layer's number, `#` in both for an expert's.
 * Where a stored stem has no `#`, the experts of a layer lie in one tensor, one after the other.
 */
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { TensorRef } from "../../weights/mod.ts";
import { firstRouted, firstScoring, type ModelSpec } from "../spec.ts";

/** Names of one architecture in one kind of file. */
export interface NameTable {
  /**
   * Canonical stem ("attention.q_proj", "embedding") → stored stem ("model.layers.*.self_attn.q_proj"); or a whole name, of a
   * tensor that is stored without `.weight` or `.bias`.
   */
  readonly stems: Readonly<Record<string, string>>;
  /** Which rows of the stored tensor are the model's, by canonical name, where it holds several. */
  readonly rows?: ((canonical: string) => TensorRef["rows"]) | undefined;
  /** In which order a tensor's rows are read, by canonical name. */
  readonly order?: ((canonical: string) => TensorRef["order"]) | undefined;
  /** What is done to a tensor after reading, by canonical name. */
  readonly transform?: (canonical: string) => TensorRef["transform"];
}

/** Finds a canonical tensor in a checkpoint. Throws if the architecture has no such tensor. */
export function storedTensor(table: NameTable, canonical: string, layer = 0): TensorRef {
  const [, expert] = /^mlp\.experts\.(\d+)\./.exec(canonical) ?? [];
  const general = expert === undefined ? canonical : canonical.replace(expert, "#");
  const dot = general.lastIndexOf(".");
  const whole = table.stems[general];
  const stem = whole ?? table.stems[general.slice(0, dot)];
  if (stem === undefined) {
    throw new TypeError(`Cannot name ${canonical}: this architecture has no such tensor`);
  }
  return {
    name: stem.replace("*", String(layer)).replace("#", expert) +
      (whole === undefined ? general.slice(dot) : ""),
    ...expert !== undefined && !stem.includes("#") ? { at: Number(expert) } : {},
    rows: table.rows?.(canonical),
    order: table.order?.(canonical),
    transform: table.transform?.(canonical),
  };
}

/** What some canonical stems have of the tensor that they share. */
type Shares = Readonly<Record<string, NonNullable<TensorRef["rows"]>>>;

/** Tensors stored one after the other as one: their canonical stems and numbers of rows, in order. */
function shares(...parts: readonly (readonly [stem: string, rows: number])[]): Shares {
  const of = parts.reduce((sum, [, rows]) => sum + rows, 0);
  let end = 0;
  return Object.fromEntries(parts.map(([stem, rows]) => [stem, { start: end, end: end += rows, of }]));
}

/** q, k and v in one tensor. */
export function fusedHeads(spec: ModelSpec): Shares {
  const { heads = 0, kvHeads = 0, headSize = 0 } = firstScoring(spec) ?? {};
  const [query, key] = [heads * headSize, kvHeads * headSize];
  return shares(["attention.q_proj", query], ["attention.k_proj", key], ["attention.v_proj", key]);
}

/** Gate and up in one tensor. */
export function fusedUnits({ layers }: ModelSpec): Shares {
  const size = layers.flatMap(({ mlp }) => mlp?.kind === "dense" ? mlp.size : []).at(0) ?? 0;
  return shares(["mlp.gate_proj", size], ["mlp.up_proj", size]);
}

/** A table's `rows`, of weights and biases alike. */
export function sharedRows(shares: Shares): NonNullable<NameTable["rows"]> {
  return (canonical) => shares[canonical.slice(0, canonical.lastIndexOf("."))];
}

/** A table's `rows` where gate and up of an expert are one matrix. */
export function fusedExpertRows(spec: ModelSpec): NonNullable<NameTable["rows"]> {
  const { size } = firstRouted(spec)?.expert ?? { size: 0 };
  const rows = shares(["gate", size], ["up", size]);
  return (canonical) => rows[/^mlp\.experts\.\d+\.(gate|up)_proj\.weight$/.exec(canonical)?.[1] ?? ""];
}

/** Steps of a name that wrappers put in, anywhere: compilation, data parallelism, sharding, checkpointing of activations. */
const wrappers = new Set(["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"]);
/** Steps that say where the decoder hangs: in a model with a head, a composite model, an adapter that was merged. */
const roots = new Set([
  "model",
  "gpt_neox",
  "transformer",
  "language_model",
  "text_model",
  "base_model",
]);

/**
 * What is left of a tensor's name without the steps that depend on how its model was wrapped when it was saved:
 * "base_model.model.model.layers.0.mlp.up_proj.weight" and "layers.0._orig_mod.mlp.up_proj.weight" are both
 * "layers.0.mlp.up_proj.weight".
 */
export function plainName(stored: string): string {
  const steps = stored.split(".").filter((step) => !wrappers.has(step));
  return steps.slice(steps.findIndex((step) => !roots.has(step))).join(".");
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
      ...expertStems("mlp"),
      ...overrides,
    }),
  };
}

/** Stems of a mixture whose files have a tensor for each expert's matrix, `module` being what Hugging Face calls it. */
export function expertStems(
  module: string,
  { gate = "gate_proj", up = "up_proj", down = "down_proj", shared = "shared_expert" } = {},
): Record<string, string> {
  return {
    "mlp.router": `${module}.gate`,
    "mlp.router.correction": `${module}.gate.e_score_correction_bias`,
    "mlp.experts.#.gate_proj": `${module}.experts.#.${gate}`,
    "mlp.experts.#.up_proj": `${module}.experts.#.${up}`,
    "mlp.experts.#.down_proj": `${module}.experts.#.${down}`,
    "mlp.shared.gate_proj": `${module}.${shared}.gate_proj`,
    "mlp.shared.up_proj": `${module}.${shared}.up_proj`,
    "mlp.shared.down_proj": `${module}.${shared}.down_proj`,
    "mlp.shared_gate": `${module}.${shared}_gate`,
  };
}

/** A norm stored as w − 1. */
export function plusOne(tensor: Tensor): Tensor {
  return { dtype: "f32", shape: tensor.shape, data: toFloat32(tensor).map((weight) => weight + 1) };
}
