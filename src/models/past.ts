/**
 * Attention of some tokens to themselves and to the tokens before them, whose keys and values are inputs of the graph. The keys
 * and values of all are outputs, `present`, which the next tokens take as their past.
 *
 *     grouped  [1, K, C, E]: GroupQueryAttention, told how many rows of the past count. Where past and present are the same
 *              memory, which has rows to spare, it writes the new rows there and copies nothing.
 *     rows     [P, K·E]: joined with the new rows by the graph, and hidden by a mask from queries that may not see them; by
 *              ONNX's Attention, or by products, which every engine has.
 *
 * How many tokens there are, of both sides, is known only when the graph runs: one graph serves every text.
 */
import {
  Concat,
  type Dim,
  type Graph,
  GroupQueryAttention,
  type Lowering,
  Reshape,
  type Value,
} from "../onnx/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import { decomposed, type Heads, standard } from "./attention.ts";
import { maskTable } from "./mask.ts";
import type { AttentionSpec } from "./spec.ts";

/** Keys and values, as a graph's values or as what it is fed. */
export interface KeysValues<T> {
  readonly key: T;
  readonly value: T;
}

/** What an attention with a past sees, as inputs that all attentions of a graph share: declared when first asked for. */
export type SharedInputs = (name: string, dtype: "f32" | "i32", shape: readonly Dim[]) => Value;

/** Inputs by name, each declared once. */
export function sharedInputs(graph: Graph): SharedInputs {
  const inputs = new Map<string, Value>();
  return (name, dtype, shape) => {
    const value = inputs.get(name) ?? graph.input(name, dtype, shape);
    inputs.set(name, value);
    return value;
  };
}

/** GroupQueryAttention wants heads of a multiple of 8. */
const HEAD_UNIT = 8;

/** Whether an attention's keys and values are laid out as GroupQueryAttention has them. */
export function isGrouped({ headSize }: AttentionSpec, { attention }: Lowering): boolean {
  return attention === "grouped" && headSize % HEAD_UNIT === 0;
}

/** The shape of the keys of some tokens, and of their values. */
export function keysShape<D extends Dim>(spec: AttentionSpec, lowering: Lowering, tokens: D): (D | number)[] {
  const { kvHeads, headSize } = spec;
  return isGrouped(spec, lowering) ? [1, kvHeads, tokens, headSize] : [tokens, kvHeads * headSize];
}

const maskName = (window: number | null) => `mask ${window ?? "all"}`;

/** What to feed as the shared inputs, for T tokens after P. */
export function sight(
  spec: AttentionSpec,
  lowering: Lowering,
  { past, tokens }: { readonly past: number; readonly tokens: number },
): Record<string, Tensor> {
  if (!isGrouped(spec, lowering)) {
    const { window } = spec;
    return { [maskName(window)]: maskTable({ rows: tokens, columns: past + tokens, window }) };
  }
  const total = past + tokens;
  return {
    last_key: { dtype: "i32", shape: [1], data: Int32Array.of(total - 1) },
    keys: { dtype: "i32", shape: [], data: Int32Array.of(total) },
  };
}

/** Attention of T tokens [T, H·E], and the keys and values of the past with theirs. */
export function attendAfter(
  spec: AttentionSpec,
  heads: Heads,
  past: KeysValues<Value>,
  shared: SharedInputs,
  lowering: Lowering,
): { mixed: Value; present: KeysValues<Value> } {
  const width = spec.heads * spec.headSize;
  const batched = (x: Value, columns: number) => Reshape(x, [1, -1, columns]);
  if (isGrouped(spec, lowering)) {
    const [q, k, v] = [heads.q, heads.k, heads.v].map((x, i) =>
      batched(x, i === 0 ? width : spec.kvHeads * spec.headSize)
    );
    const { output, present } = GroupQueryAttention({
      query: q,
      key: k,
      value: v,
      past,
      seqlensK: shared("last_key", "i32", [1]),
      totalSequenceLength: shared("keys", "i32", []),
    }, spec);
    return { mixed: Reshape(output, [-1, width]), present };
  }
  const present = {
    key: Concat([past.key, heads.k], 0),
    value: Concat([past.value, heads.v], 0),
  };
  const columns = spec.kvHeads * spec.headSize;
  const all = {
    q: batched(heads.q, width),
    k: batched(present.key, columns),
    v: batched(present.value, columns),
  };
  const mask = shared(maskName(spec.window), "f32", [`tokens`, `keys ${spec.window}`]);
  const mixed = lowering.attention === "standard"
    ? standard(spec, all, mask)
    : decomposed(spec, all, mask, 1);
  return { mixed: Reshape(mixed, [-1, width]), present };
}
