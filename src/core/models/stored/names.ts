/**
 * Where a module's tensors lie in a checkpoint: canonical name → the checkpoint's name, and what must be done to the
 * stored numbers (a fused projection taken apart, a norm stored as w − 1).
 *
 * A stem stands for its `.weight` and its `.bias`; `*` in a stored stem stands for the layer's number, `#` in both for an expert's.
 * Where a stored stem has no `#`, the experts of a layer lie in one tensor, one after the other.
 */
import { elements, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { Allocate, TensorRef } from "../../weights/mod.ts";
import { firstRouted, firstScoring, type ModelSpec } from "../spec.ts";
import stems from "./stems.json" with { type: "json" };

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
  const rows = sideBySide(...parts.map(([, rows]) => rows));
  return Object.fromEntries(parts.map(([stem], i) => [stem, rows[i]]));
}

/** Stems of several parts ("q k v"), for each of which `%` stands; in one tensor where the stored stem has none. */
export function partStems(parts: string, canonical: string, stored: string): Record<string, string> {
  const entries = parts.split(" ").map((part) => [canonical, stored].map((stem) => stem.replace("%", part)));
  return Object.fromEntries(entries);
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
const roots = new Set("model gpt_neox transformer language_model text_model base_model".split(" "));

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
  const layer = Object.entries({ ...stems.layer, ...expertStems("mlp"), ...overrides })
    .map(([stem, stored]) => [stem, `model.layers.*.${stored}`]);
  return { ...stems.outer, ...Object.fromEntries(layer) };
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
    ...partStems("gate up down", "mlp.shared.%_proj", `${module}.${shared}.%_proj`),
    "mlp.shared_gate": `${module}.${shared}_gate`,
  };
}

/** A norm stored as w − 1. */
export function plusOne(tensor: Tensor): Tensor {
  return { dtype: "f32", shape: tensor.shape, data: toFloat32(tensor).map((weight) => weight + 1) };
}

/** Rows [start, end) of each block of `of`, in a matrix of equal blocks: one for each head or group of heads, projections side by side in each. */
export type BlockRows = { readonly start: number; readonly end: number; readonly of: number };

/** Rows of parts of these sizes in a block. */
export function sideBySide(...sizes: readonly number[]): BlockRows[] {
  const of = sizes.reduce((sum, size) => sum + size, 0);
  let end = 0;
  return sizes.map((size) => ({ start: end, end: end += size, of }));
}

/** Those rows of a matrix [blocks · of, …] or bias, a block after the other; of several `parts` one part after the other. */
export function takeRows(
  tensor: Tensor,
  blocks: number,
  parts: readonly BlockRows[],
  allocate: Allocate,
): Tensor {
  const [rows, ...rest] = tensor.shape;
  const [{ of }] = parts;
  if (rows !== blocks * of) {
    throw new RangeError(
      `Cannot split ${rows} rows: expected ${blocks * of}, ${of} for each of ${blocks} heads or groups of ` +
        "heads",
    );
  }
  const width = elements(rest);
  const taken = blocks * parts.reduce((sum, { start, end }) => sum + end - start, 0);
  const stored = toFloat32(tensor);
  const data = allocate(taken * width);
  let at = 0;
  for (const { start, end } of parts) {
    for (let block = 0; block < blocks; block++) {
      data.set(stored.subarray((block * of + start) * width, (block * of + end) * width), at);
      at += (end - start) * width;
    }
  }
  return { dtype: "f32", shape: [taken, ...rest], data };
}
