/** Where the tensors of Qwen3-Next and Qwen3.5 lie: every norm but the one inside linear attention is stored as w − 1. */
import { type BlockRows, takeRows } from "../blocks.ts";
import { decoderStems, type NameTable } from "../names.ts";
import { isLinear, type ModelSpec, softmaxOf } from "../spec.ts";
import { plusOne } from "./gemma.ts";

/** Names of Qwen3-Next: projections for linear attention lie side by side, for one key head after the other. */
export function qwen3NextNames(spec: ModelSpec): NameTable {
  const own = qwen35Names(spec);
  const linear = spec.layers.map(({ attention }) => attention).find(isLinear);
  const { keyHeads = 1, valueHeads = 1, keySize = 1, valueSize = 1 } = linear ?? {};
  const shared = valueHeads / keyHeads;
  const value = shared * valueSize;
  const [qkvz, ba] = [sideBySide(keySize, keySize, value, value), sideBySide(shared, shared)];
  const parts: Record<string, BlockRows[]> = {
    "attention.qkv_proj.weight": qkvz.slice(0, 3),
    "attention.z_proj.weight": qkvz.slice(3),
    "attention.b_proj.weight": ba.slice(0, 1),
    "attention.a_proj.weight": ba.slice(1),
  };
  return {
    stems: {
      ...own.stems,
      ...decoderStems(linearStems({
        "attention.qkv_proj": "in_proj_qkvz",
        "attention.z_proj": "in_proj_qkvz",
        "attention.a_proj": "in_proj_ba",
        "attention.b_proj": "in_proj_ba",
      })),
    },
    transform(canonical) {
      const rows = parts[canonical];
      if (!rows) return own.transform!(canonical);
      return (tensor, allocate) => takeRows(tensor, keyHeads, rows, allocate);
    },
  };
}

/** Rows of parts of these sizes in a block. */
function sideBySide(...sizes: readonly number[]): BlockRows[] {
  const of = sizes.reduce((sum, size) => sum + size, 0);
  let end = 0;
  return sizes.map((size) => ({ start: end, end: end += size, of }));
}

/** Names of a model's tensors: q and its gate lie in one matrix, head by head. */
export function qwen35Names(spec: ModelSpec): NameTable {
  const { heads = 1, headSize = 1 } = spec.layers.map(softmaxOf).find((attention) => attention) ?? {};
  const halves = [{ start: 0, end: headSize }, { start: headSize, end: 2 * headSize }];
  return {
    stems: decoderStems({
      "attention.g_proj": "self_attn.q_proj",
      ...linearStems({
        "attention.qkv_proj": "in_proj_qkv",
        "attention.z_proj": "in_proj_z",
        "attention.a_proj": "in_proj_a",
        "attention.b_proj": "in_proj_b",
      }),
    }),
    transform(canonical) {
      const half = ["attention.q_proj.", "attention.g_proj."].findIndex((stem) => canonical.startsWith(stem));
      if (half >= 0) {
        return (tensor, allocate) =>
          takeRows(tensor, heads, [{ ...halves[half], of: 2 * headSize }], allocate);
      }
      return canonical.endsWith("norm.weight") && !canonical.endsWith("gate_norm.weight")
        ? plusOne
        : undefined;
    },
  };
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
