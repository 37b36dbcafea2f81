/** Which keys a query may not see, as numbers that are added to its scores. */
import { Add, Cast, Less, Slice, type Value } from "../../onnx/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";

/**
 * Added to the scores that a query may not see. Finite, since 0 · ∞ has no value, and not every engine has ∞; e to it is 0.
 * Scores of what a graph watches are below 2^124 (watch.ts), so that none is lost behind this and their sum is finite.
 */
const HIDDEN = -(2 ** 127);

/** A mask, its rows and columns counted from the last query and the last key: a part takes the last of each. */
export interface Mask {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns]: 0, or what hides a key from a query. */
  readonly value: Value;
}

interface MaskSize {
  readonly rows: number;
  readonly columns: number;
  readonly window: number | null;
  readonly stride?: number;
}

/**
 * The mask of `rows` queries `stride` tokens apart, the last of them at the last of `columns` keys; a query sees `window`
 * keys, itself included, or all before it. `x` is any value [N, D] of the graph.
 */
export function causalMask(x: Value, { rows, columns, window, stride = 1 }: MaskSize): Mask {
  const table = x.graph.constant(maskTable({ rows, columns, window, stride }));
  return { rows, columns, value: Add(table, runtimeZero(x)) };
}

/** The numbers of such a mask. */
export function maskTable({ rows, columns, window, stride = 1 }: MaskSize): Tensor {
  const hidden = new Float32Array(rows * columns).fill(HIDDEN);
  for (let row = 0; row < rows; row++) {
    const seen = Math.max(0, columns - (rows - 1 - row) * stride); // keys up to the query's own
    const own = hidden.subarray(row * columns, row * columns + seen);
    own.fill(0, Math.max(0, seen - (window ?? Infinity)));
  }
  return float32([rows, columns], hidden);
}

/** Keys that some queries see together: those of positions [from, end). */
export type KeySpan = { readonly from: number; readonly end: number };

/** The keys of queries at positions `start` to `end` − 1. */
export function keySpan({ window }: { readonly window: number | null }, start: number, end: number): KeySpan {
  return { from: Math.max(0, start + 1 - (window ?? Infinity)), end };
}

/** The part of a mask for the last `rows` queries and the keys of a span. */
export function spanMask(mask: Mask, { from, end }: KeySpan, rows: number): Value {
  return last(last(mask.value, rows, mask.rows, 0), end - from, mask.columns, 1);
}

export function last(value: Value, count: number, size: number, axis: number): Value {
  return count === size ? value : Slice(value, size - count, size, axis);
}

/**
 * A zero that is known only when the graph runs. The library folds what is made of constants alone: a copy of the mask for
 * each slice of queries, T²/2 numbers in all.
 */
function runtimeZero(x: Value): Value {
  const one = Slice(Slice(x, 0, 1, 0), 0, 1, 1);
  return Cast(Less(one, one), "f32");
}

/**
 * The mask [B, 1, S, P + S] of segments of S tokens after the same past of P tokens, which are one text: a token sees the past,
 * what it comes after, and itself, `window` tokens at most. `parents`: for each segment, which token each comes after (−1: none of the segment), or null
 * for the one before it.
 */
export function segmentMask(
  parents: readonly (Int32Array | null)[],
  { length, past, window }: {
    readonly length: number;
    readonly past: number;
    readonly window: number | null;
  },
): Tensor {
  const columns = past + length;
  const seen = new Float32Array(parents.length * length * columns).fill(HIDDEN);
  parents.forEach((own, segment) => {
    for (let token = 0; token < length; token++) {
      const row = seen.subarray((segment * length + token) * columns);
      const path: number[] = []; // the segment's tokens that end in this one, the last first
      for (let at = token; at >= 0; at = own ? own[at] : at - 1) path.push(at);
      const position = past + path.length - 1;
      const from = Math.max(0, position + 1 - (window ?? Infinity));
      row.fill(0, Math.min(from, past), past);
      path.forEach((at, i) => {
        if (position - i >= from) row[past + at] = 0;
      });
    }
  });
  return float32([parents.length, 1, length, columns], seen);
}
