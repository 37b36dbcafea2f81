/** Where the tensors of Qwen3-Next and Qwen3.5 lie: every norm but the one inside linear attention is stored as w − 1. */
import type { DeltaSpec } from "../../modules/delta.ts";
import { firstScoring, type ModelSpec } from "../../spec.ts";
import {
  type BlockRows,
  decoderStems,
  fusedExpertRows,
  type NameTable,
  partStems,
  plusOne,
  sideBySide,
  takeRows,
} from "../../stored/names.ts";

/** What is done to a tensor after reading, by canonical name. */
type Transforms = NonNullable<NameTable["transform"]>;

/** Names of Qwen3-Next: projections for linear attention lie side by side, for one key head after the other. */
export function qwen3NextNames(spec: ModelSpec): NameTable {
  const own = qwen35Names(spec);
  const [streams, rates] = [streamsByKeyHead(spec), ratesByKeyHead(spec)];
  return {
    stems: {
      ...own.stems,
      ...decoderStems(linearStems({
        ...partStems("qkv z", "attention.%_proj", "in_proj_qkvz"),
        ...partStems("a b", "attention.%_proj", "in_proj_ba"),
      })),
    },
    transform: (canonical) => streams(canonical) ?? rates(canonical) ?? own.transform!(canonical),
  };
}

/** q, k, v and z, those of one key head after the other's, in one matrix. */
export function streamsByKeyHead(spec: ModelSpec): Transforms {
  const { keyHeads, valueHeads, keySize, valueSize } = linearOf(spec);
  const value = valueHeads / keyHeads * valueSize;
  const qkvz = sideBySide(keySize, keySize, value, value);
  return apart(keyHeads, {
    "attention.qkv_proj.weight": qkvz.slice(0, 3),
    "attention.z_proj.weight": qkvz.slice(3),
  });
}

/** b and a of the value heads, those of one key head after the other's, in one matrix. */
export function ratesByKeyHead(spec: ModelSpec): Transforms {
  const { keyHeads, valueHeads } = linearOf(spec);
  const [b, a] = sideBySide(valueHeads / keyHeads, valueHeads / keyHeads);
  return apart(keyHeads, { "attention.b_proj.weight": [b], "attention.a_proj.weight": [a] });
}

/** q and its gate in one matrix, head by head. */
export function gatedQueries(spec: ModelSpec): Transforms {
  const { heads = 1, headSize = 1 } = firstScoring(spec) ?? {};
  const [query, gate] = sideBySide(headSize, headSize);
  return apart(heads, {
    "attention.q_proj.weight": [query],
    "attention.q_proj.bias": [query],
    "attention.g_proj.weight": [gate],
    "attention.g_proj.bias": [gate],
  });
}

/** A model's linear attention, alike in all layers; the smallest where none has it. */
export function linearOf({ layers }: ModelSpec): Omit<DeltaSpec, "kind" | "norm" | "epsilon"> {
  return layers.map(({ attention }) => attention).find((mixer) => mixer?.kind === "delta") ??
    { keyHeads: 1, valueHeads: 1, keySize: 1, valueSize: 1, kernel: 1 };
}

/** By canonical name, what of each head's or group's rows belongs to it. */
function apart(blocks: number, parts: Readonly<Record<string, readonly BlockRows[]>>): Transforms {
  return (canonical) =>
    Object.hasOwn(parts, canonical)
      ? (tensor, allocate) => takeRows(tensor, blocks, parts[canonical], allocate)
      : undefined;
}

/** Names of a model's tensors: q and its gate lie in one matrix, head by head. */
export function qwen35Names(spec: ModelSpec): NameTable {
  const gated = gatedQueries(spec);
  return {
    stems: decoderStems({
      "attention.g_proj": "self_attn.q_proj",
      ...linearStems(partStems("qkv z a b", "attention.%_proj", "in_proj_%")),
    }),
    transform: (canonical) =>
      gated(canonical) ??
        (canonical.endsWith("norm.weight") && !canonical.endsWith("gate_norm.weight") ? plusOne : undefined),
  };
}

/**
 * Experts of a layer in one tensor, [X, 2F, D] with the rows of gate before those of up, and [X, D, F]: as transformers has them in memory.
 * Published files of Qwen3.5 have them so, others an expert's matrices one by one.
 */
const fusedExperts = "model.layers.*.mlp.experts";
const fusedExpertStems = {
  ...partStems("gate up", "mlp.experts.#.%_proj.weight", `${fusedExperts}.gate_up_proj`),
  "mlp.experts.#.down_proj.weight": `${fusedExperts}.down_proj`,
};

/** Names of Qwen3.5 with mixtures, whose experts lie in one tensor or one by one. */
export function qwen35MoeNames(spec: ModelSpec, tensors?: ReadonlyMap<string, unknown>): NameTable {
  const own = qwen35Names(spec);
  const isFused = tensors?.keys().some((name) => name.endsWith(".mlp.experts.gate_up_proj"));
  if (!isFused) return own;
  return { ...own, stems: { ...own.stems, ...fusedExpertStems }, rows: fusedExpertRows(spec) };
}

/** Stems of linear attention, of which the projections of the stream have names by family. */
function linearStems(projections: Readonly<Record<string, string>>): Record<string, string> {
  const own = {
    ...projections,
    "attention.conv": "conv1d",
    "attention.a_log": "A_log",
    "attention.dt_bias": "dt_bias",
    "attention.gate_norm": "norm",
    "attention.out_proj": "out_proj",
  };
  return Object.fromEntries(Object.entries(own).map(([stem, stored]) => [stem, `linear_attn.${stored}`]));
}
