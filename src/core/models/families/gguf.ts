/**
 * GGUF files as models: their metadata as the `config.json` that Hugging Face would have, and their tensor names.
 *
 * llama.cpp stores two things differently, and both are undone here: the rows of q and k of Llama-family files are
 * permuted (its rotation pairs neighbours, Hugging Face's pairs halves), and Gemma's norms are stored as w, not w − 1. What it does to
 * linear attention: mixtures/hybrid_gguf.ts.
 */
import type { GgufFile, GgufValue } from "../../weights/mod.ts";
import { type Allowance, unknownField } from "../config/config.ts";
import { short, spelt } from "../config/spelt.ts";
import type { Header, Single } from "../gguf/fields.ts";
import { layoutOf } from "../gguf/layouts.ts";
import { dividedBy, type RopeFactors } from "../gguf/rope.ts";
import { firstScoring, type ModelSpec } from "../spec.ts";
import { type NameTable, plainName } from "../stored/names.ts";
import { architectures } from "./list.ts";
import stems from "../stored/stems.json" with { type: "json" };
import known from "../config/fields.json" with { type: "json" };

/** The header of a GGUF file, as far as a configuration follows from it. */
interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  /** The divisors of a rotation's frequencies, which some files have in tensors; absent where there are none. */
  readonly ropeFactors?: RopeFactors | null;
}

/**
 * The metadata as a configuration. Throws `TypeError` for an architecture or a field that is not supported, and where it has an
 * `allowance` for fields that nobody reads.
 */
export function ggufConfig(file: GgufHeader, name: string, allowance?: Allowance): Record<string, unknown> {
  const { metadata } = file;
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string" || !Object.hasOwn(architectures, architecture)) {
    const known = Object.keys(architectures).join(", ");
    const found = typeof architecture === "string"
      ? spelt(architecture)
      : architecture === undefined
      ? "missing"
      : "not a string";
    throw new TypeError(`Cannot run ${name}: general.architecture is ${found}, expected one of ${known}`);
  }
  const read = new Set<string>();
  const list = (key: string) => {
    read.add(key);
    return metadata.get(`${architecture}.${key}`);
  };
  const field: Field = (key) => single(name, `${architecture}.${key}`, list(key));
  const layers = field("block_count");
  if (typeof layers === "number" && layers > file.tensors.size) { // before a list of so many is made
    throw new RangeError(
      `Cannot run ${name}: ${architecture}.block_count is ${layers}, expected at most ${file.tensors.size}, ` +
        "the number of its tensors",
    );
  }
  const counts = architecture === "deci" ? countsByLayer(list, name, Number(layers)) : {
    num_attention_heads: field("attention.head_count"),
    num_key_value_heads: field("attention.head_count_kv"),
    intermediate_size: field("feed_forward_length"),
  };
  const headSize = field("attention.key_length") ??
    Math.trunc(Number(field("embedding_length")) / Number(counts.num_attention_heads));
  const usual = {
    vocab_size: file.tensors.get("token_embd.weight")?.shape[0],
    hidden_size: field("embedding_length"),
    num_hidden_layers: layers,
    ...counts,
    head_dim: headSize,
    rms_norm_eps: field("attention.layer_norm_rms_epsilon"),
    max_position_embeddings: field("context_length"),
    tie_word_embeddings: !file.tensors.keys().some((tensor) => plainName(tensor) === "output.weight"),
    bos_token_id: metadata.get("tokenizer.ggml.bos_token_id"),
    eos_token_id: metadata.get("tokenizer.ggml.eos_token_id"),
    ...rope(field, file.ropeFactors ?? null),
  };
  const { family, type = () => family, fields = () => ({}) } = architectures[architecture];
  const wrong = (key: string, expected: string) =>
    new TypeError(
      `Cannot run ${name}: ${architecture}.${key} is ${
        short(String(field(key) ?? "missing"))
      }, expected ${expected}`,
    );
  const header: Header = { field, list, tensors: file.tensors, usual, wrong };
  const all = { model_type: type(header), ...usual, ...fields(header) };
  expectWholeHeads(header, all);
  if (allowance) expectRead(header, architecture, metadata, read, allowance, name);
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Throws where only a share of a head would be rotated, unless the architecture knows of one: llama.cpp does not run such files. */
function expectWholeHeads({ field, wrong }: Header, config: Readonly<Record<string, unknown>>): void {
  const size = field("rope.dimension_count");
  if (size === undefined || "partial_rotary_factor" in config || !(Number(config.head_dim) > 0)) return;
  if (size !== config.head_dim) {
    throw wrong("rope.dimension_count", `${config.head_dim}, the size of a head`);
  }
}

/** Fields that do not affect a decoder's logits, or that say what tensors and other fields do. */
const NEUTRAL = new Set(known.gguf.split(" "));

/** Throws for a field of the architecture that was not read, unless its value means nothing: llama.cpp knows of more than each family has. */
function expectRead(
  { field }: Header,
  architecture: string,
  metadata: GgufHeader["metadata"],
  read: ReadonlySet<string>,
  allowance: Allowance,
  name: string,
): void {
  const meansNothing = (key: string, value: unknown) =>
    value === (key === "attention.causal") || value === 0 || value === 1 && /(scale|factor)$/.test(key) ||
    value === -1 && key === "rope.scaling.yarn_ext_factor" ||
    value === field("rope.freq_base") && key === "rope.freq_base_swa" ||
    Number(value) >= Number(field("context_length")) && key === "attention.sliding_window";
  for (const [whole, found] of metadata) {
    const key = whole.slice(architecture.length + 1);
    if (!whole.startsWith(`${architecture}.`) || read.has(key) || NEUTRAL.has(key)) continue;
    if (meansNothing(key, typeof found === "bigint" ? Number(found) : found)) continue;
    if (!allowance.names.has(whole)) throw unknownField(name, whole, found);
    allowance.used.add(whole);
  }
}

type Field = (key: string) => Single;

/** A field that a configuration has as one value. What float64 cannot hold is too large for any of them, and refused as such. */
function single(name: string, key: string, value: GgufValue | undefined): Single {
  if (typeof value === "object") {
    throw new TypeError(`Cannot run ${name}: ${key} is a list of ${value.length}, expected one value`);
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`Cannot run ${name}: ${key} is ${value}, expected a finite number`);
  }
  return typeof value === "bigint" ? Number(value) : value;
}

/**
 * The fields that `deci` has layer by layer, where 0 stands for a module that is not there, as LLM-Drop's lists. Attentions have to be
 * alike, MLPs may differ in width. A layer with heads but without keys has a matrix in the place of attention, W norm(x).
 */
function countsByLayer(fieldOf: Header["list"], name: string, layers: number) {
  const [heads, kvHeads, sizes] = ["attention.head_count", "attention.head_count_kv", "feed_forward_length"]
    .map((key) => {
      const value = fieldOf(key);
      const list = ArrayBuffer.isView(value) ? Array.from(value, Number) : Array(layers).fill(value);
      const counts = [...new Set(list.filter((count) => count !== 0))];
      const isAlike = counts.length <= 1 || key === "feed_forward_length";
      if (list.length !== layers || !isAlike) {
        throw new TypeError(
          `Cannot run ${name}: deci.${key} is ${short(list.join(" "))}, expected 0 or ${
            key === "feed_forward_length" ? "a" : "one and the same"
          } number for each of ${layers} layers`,
        );
      }
      return { list, counts, without: list.flatMap((count, l) => count === 0 ? [l] : []) };
    });
  const loose = heads.without.filter((l) => !kvHeads.without.includes(l));
  if (loose.length > 0) {
    throw new TypeError(
      `Cannot run ${name}: deci.attention.head_count is 0 in layers ${loose.join(" ")}, expected no keys ` +
        "in them either",
    );
  }
  const maps = kvHeads.without.filter((l) => !heads.without.includes(l));
  return {
    num_attention_heads: heads.counts[0],
    num_key_value_heads: kvHeads.counts[0],
    intermediate_size: sizes.counts.length > 1
      ? sizes.list.map((count) => count || sizes.counts[0])
      : sizes.counts[0],
    ...maps.length > 0 ? { linear_attn_list: maps } : {},
    drop_attn_list: heads.without,
    drop_mlp_list: sizes.without,
  };
}

function rope(field: Field, factors: RopeFactors | null): Record<string, unknown> {
  const factor = field("rope.scaling.factor") ?? field("rope.scale_linear"); // the older name, which llama.cpp reads too
  const type = field("rope.scaling.type") ?? (factor ? "linear" : undefined); // 0 stands for none
  const scaling = factors ? dividedBy(factors, field) : type === undefined || type === "none" ? null : {
    rope_type: type,
    factor,
    original_max_position_embeddings: field("rope.scaling.original_context_length"),
    ...type === "yarn"
      ? {
        beta_fast: field("rope.scaling.yarn_beta_fast") ?? null,
        beta_slow: field("rope.scaling.yarn_beta_slow") ?? null,
      }
      : {},
  };
  return { rope_theta: field("rope.freq_base"), rope_scaling: scaling };
}

/** Names in the files of an architecture; heads are needed to undo the permutation of Llama-family files. */
export function ggufNames(
  architecture: string,
  spec: ModelSpec,
  tensors: ReadonlyMap<string, unknown> = new Map(),
): NameTable {
  const { heads = 1, kvHeads = 1 } = firstScoring(spec) ?? {};
  const found = architectures[architecture];
  const { permuted, rows } = found;
  const isOlder = tensors.keys().some((name) => name.endsWith(`.${found.older?.tensor}.weight`));
  const { stems: own = {}, transform } = isOlder ? found.older! : found;
  const transformed = transform?.(spec);
  const layout = layoutOf(tensors, spec);
  const shared = rows?.(spec);
  return {
    stems: { ...stems.gguf, ...layout.stems, ...own },
    rows: (canonical) => shared?.(canonical) ?? layout.rows(canonical),
    transform(canonical) {
      const made = transformed?.(canonical);
      if (made) return made;
      if (canonical === "mlp.shared_gate.weight") {
        return (tensor) => ({ ...tensor, shape: [1, ...tensor.shape.slice(-1)] });
      }
      return undefined;
    },
    order(canonical) {
      const [, part] = /^attention\.([qk])_proj\./.exec(canonical) ?? [];
      if (!permuted || !part) return undefined;
      return (rows) => unpermuted(rows, part === "q" ? heads : kvHeads);
    },
  };
}

/** The file with the tensors that `ggufNames` names, where some of it has them in parts. */
export function ggufTensors(architecture: string, file: GgufFile, spec: ModelSpec, name: string): GgufFile {
  return architectures[architecture].joined?.(file, spec, name) ?? file;
}

/** Rows of each head from (pair, half) back to (half, pair): [H, E/2, 2, …] → [H, 2, E/2, …]. */
function unpermuted(rows: number, heads: number): Int32Array {
  if (rows % (2 * heads)) {
    throw new RangeError(
      `Cannot undo the permutation of ${rows} rows: expected a multiple of ${heads} heads of even size`,
    );
  }
  const half = rows / heads / 2;
  return Int32Array.from({ length: rows }, (_, row) => {
    const [head, within] = [Math.trunc(row / (2 * half)), row % (2 * half)];
    return head * 2 * half + (within % half) * 2 + Math.trunc(within / half);
  });
}

/** Differences between the numbers that an architecture's files store and Hugging Face's. */
export function ggufStorage(architecture: string): { permuted: boolean; normsWithOne: boolean } {
  const { permuted = false, normsWithOne = false } = architectures[architecture];
  return { permuted, normsWithOne };
}
