/**
 * Tensors that llama.cpp's converter has laid out otherwise at times, or does where it is asked to, in files of any architecture: told
 * by the names that a file has.
 */
import type { ModelSpec } from "../spec.ts";
import { fusedExpertRows, fusedHeads, type NameTable, partStems, sharedRows } from "../stored/names.ts";

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
    stems: partStems("gate up down", "mlp.experts.#.%_proj", "blk.*.ffn_%.#"),
  },
  { // --fuse-gate-up-exps
    there: /^blk\.\d+\.ffn_gate_up_exps\./,
    stems: partStems("gate up", "mlp.experts.#.%_proj", "blk.*.ffn_gate_up_exps"),
    rows: fusedExpertRows,
  },
  { // GPT-2 and Phi-3; of others --fuse-qkv
    there: /^blk\.\d+\.attn_qkv\./,
    absent: /^blk\.\d+\.attn_q\./,
    stems: partStems("q k v", "attention.%_proj", "blk.*.attn_qkv"),
    rows: (spec) => sharedRows(fusedHeads(spec)),
  },
];

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
