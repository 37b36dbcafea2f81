/**
 * Tensors that llama.cpp's converter has laid out otherwise at times, or does where it is asked to, in files of any architecture: told
 * by the names that a file has.
 */
import type { ModelSpec } from "../spec.ts";
import { fusedExpertRows, fusedHeads, type NameTable, sharedRows } from "../stored/names.ts";

interface Layout {
  /** Names of which a file has one, and of which it has none. */
  readonly there: RegExp;
  readonly absent?: RegExp;
  readonly stems: Readonly<Record<string, string>>;
  readonly rows?: (spec: ModelSpec) => NonNullable<NameTable["rows"]>;
}

const layouts: readonly Layout[] = [
  { // until 2024-04: a tensor for each matrix of an expert
    there: /^blk\.\d+\.ffn_gate\.\d+\./,
    stems: {
      "mlp.experts.#.gate_proj": "blk.*.ffn_gate.#",
      "mlp.experts.#.up_proj": "blk.*.ffn_up.#",
      "mlp.experts.#.down_proj": "blk.*.ffn_down.#",
    },
  },
  { // --fuse-gate-up-exps
    there: /^blk\.\d+\.ffn_gate_up_exps\./,
    stems: {
      "mlp.experts.#.gate_proj": "blk.*.ffn_gate_up_exps",
      "mlp.experts.#.up_proj": "blk.*.ffn_gate_up_exps",
    },
    rows: fusedExpertRows,
  },
  { // GPT-2 and Phi-3; of others --fuse-qkv
    there: /^blk\.\d+\.attn_qkv\./,
    absent: /^blk\.\d+\.attn_q\./,
    stems: {
      "attention.q_proj": "blk.*.attn_qkv",
      "attention.k_proj": "blk.*.attn_qkv",
      "attention.v_proj": "blk.*.attn_qkv",
    },
    rows: (spec) => sharedRows(fusedHeads(spec)),
  },
];

/** The names that a file's tensors go by, and their rows, where they are not as most are. */
export function layoutOf(
  tensors: ReadonlyMap<string, unknown>,
  spec: ModelSpec,
): { stems: NameTable["stems"]; rows: NonNullable<NameTable["rows"]> } {
  const has = (form: RegExp) => tensors.keys().some((name) => form.test(name));
  const found = layouts.filter(({ there, absent }) => has(there) && !(absent && has(absent)));
  const rows = found.map(({ rows }) => rows?.(spec));
  return {
    stems: Object.assign({}, ...found.map(({ stems }) => stems)),
    rows: (canonical) => rows.map((own) => own?.(canonical)).find((share) => share),
  };
}
