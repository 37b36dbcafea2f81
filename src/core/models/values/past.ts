/**
 * Attention of some tokens to themselves and to the tokens before them, whose keys and values are inputs of the graph. The keys
 * and values of all are outputs, `present`, which the next tokens take as their past.
 *
 *     grouped  [B, K, C, E]: GroupQueryAttention, told how many rows of the past count. Where past and present are the same
 *              memory, which has rows to spare, it writes the new rows there and copies nothing.
 *     rows     [B, P, K·E]: joined with the new rows by the graph, and hidden by a mask from queries that may not see them; by
 *              ONNX's Attention, or by products, which every engine has.
 *
 * With a window, keys that no token will see again may be gone: what counts as P is the number that is left. Keys are turned already,
 * so their places do not matter; rows of a mask count from the last key.
 *
 * B texts of the same length are side by side. How many tokens there are, of both sides, is known only when the graph runs: one graph serves every text.
 */
import type { Dim, Graph, Lowering, Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { AttentionSpec } from "../pieces.ts";
import { decomposed, type Heads, keptHeadSize, standard } from "./attention.ts";
import { maskTable } from "./mask.ts";

/** Keys and values, as a graph's values or as what it is fed. */
export type KeysValues<T> = { readonly key: T; readonly value: T };

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

/** Whether an attention's keys and values are laid out as GroupQueryAttention has them. */
export function isGrouped(spec: AttentionSpec, { attention }: Lowering): boolean {
  return attention === "grouped" && spec.headSize === keptHeadSize(spec);
}

/** The shape of the keys of some tokens of each text, and of their values. */
export function keysShape<D extends Dim>(
  spec: AttentionSpec,
  lowering: Lowering,
  tokens: D,
  texts: number,
): (D | number)[] {
  const { kvHeads, headSize } = spec;
  return isGrouped(spec, lowering) ? [texts, kvHeads, tokens, headSize] : [texts, tokens, kvHeads * headSize];
}

/** Inputs and numbers of keys are shared by attentions with the same window. */
const maskName = ({ window }: AttentionSpec) => `mask ${window ?? "all"}`;

/** How many keys there are, for GroupQueryAttention; windows may have fewer than others. */
function countNames({ window }: AttentionSpec): { lastKey: string; keys: string } {
  const of = window === null ? "" : ` ${window}`;
  return { lastKey: `last_key${of}`, keys: `keys${of}` };
}

/** What to feed as the shared inputs, for T tokens after the keys of P tokens that are left of each text. */
export function sight(
  spec: AttentionSpec,
  lowering: Lowering,
  { past, tokens, texts }: { readonly past: number; readonly tokens: number; readonly texts: number },
): Record<string, Tensor> {
  const total = past + tokens;
  if (!isGrouped(spec, lowering)) {
    return { [maskName(spec)]: maskTable({ ...spec, rows: tokens, columns: total }) };
  }
  const { lastKey, keys } = countNames(spec);
  return {
    [lastKey]: { dtype: "i32", shape: [texts], data: new Int32Array(texts).fill(total - 1) },
    [keys]: { dtype: "i32", shape: [], data: Int32Array.of(total) },
  };
}

/** Attention of T tokens of each text, [B·T, H·E], and the keys and values of the past with theirs. */
export function attendAfter(
  spec: AttentionSpec,
  heads: Heads,
  past: KeysValues<Value>,
  shared: SharedInputs,
  texts: number,
  lowering: Lowering,
): { mixed: Value; present: KeysValues<Value> } {
  const width = spec.heads * spec.headSize;
  const columns = spec.kvHeads * spec.headSize;
  const byText = (x: Value, columns: number) => op.Reshape(x, [texts, -1, columns]);
  const [q, k, v] = [byText(heads.q, width), byText(heads.k, columns), byText(heads.v, columns)];
  if (isGrouped(spec, lowering)) {
    const { lastKey, keys } = countNames(spec);
    const { output, present } = op.GroupQueryAttention({
      query: q,
      key: k,
      value: v,
      past,
      seqlensK: shared(lastKey, "i32", [texts]),
      totalSequenceLength: shared(keys, "i32", []),
      sinks: heads.sinks,
    }, spec);
    return { mixed: op.Reshape(output, [-1, width]), present };
  }
  const { sinks } = heads;
  const present = { key: op.Concat([past.key, k], 1), value: op.Concat([past.value, v], 1) };
  const all = { q, k: present.key, v: present.value, ...sinks ? { sinks } : {} };
  const mask = shared(maskName(spec), "f32", ["tokens", `keys ${spec.window}`]);
  const mixed = lowering.attention === "standard"
    ? standard(spec, all, mask, texts)
    : decomposed(spec, all, mask, texts);
  return { mixed: op.Reshape(mixed, [-1, width]), present };
}
