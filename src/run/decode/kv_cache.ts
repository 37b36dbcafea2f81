/**
 * Keys and values of one attention module, for one sequence, where the step graph reads them.
 *
 * Keys [K, 1, E, C] and values [K, 1, C, E] have C slots, which grow in blocks up to what the window lets a query see of the
 * past: then the oldest slot is written over. The order of slots says nothing, since keys are rotated when they are
 * stored.
 */
import type { AttentionSpec } from "../../models/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";

/** Slots that are added at once: few copies, and at most this many empty slots to multiply. */
const BLOCK = 128;

/** A cache that takes rows [K·E] of one token after the other. */
export interface KvCache {
  append(k: Float32Array, v: Float32Array): void;
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Past keys that a query with this window sees; the graph needs one slot at least. */
function windowSlots(window: number | null): number {
  return window === null ? Infinity : window - 1;
}

/** Slots of a cache that has taken `tokens` rows. */
function slotsFor(tokens: number, window: number | null): number {
  const wanted = Math.max(1, Math.ceil(tokens / BLOCK)) * BLOCK;
  return Math.max(1, Math.min(wanted, windowSlots(window)));
}

/** An empty cache. */
export function kvCache({ kvHeads, headSize, window }: AttentionSpec): KvCache {
  const limit = windowSlots(window);
  let slots = slotsFor(0, window);
  let keys = new Float32Array(kvHeads * headSize * slots);
  let values = new Float32Array(kvHeads * headSize * slots);
  let tokens = 0;

  function grow() {
    const next = slotsFor(tokens + 1, window);
    if (next === slots) return;
    keys = restrided(keys, slots, next);
    values = restrided(values, slots * headSize, next * headSize);
    slots = next;
  }
  return {
    append(k, v) {
      if (limit === 0) return;
      grow();
      const slot = tokens++ % limit; // a limit of infinity leaves the number as it is
      for (let i = 0; i < k.length; i++) keys[i * slots + slot] = k[i];
      for (let head = 0; head < kvHeads; head++) {
        const row = v.subarray(head * headSize, (head + 1) * headSize);
        values.set(row, (head * slots + slot) * headSize);
      }
    },
    get keys() {
      return float32([kvHeads, 1, headSize, slots], keys);
    },
    get values() {
      return float32([kvHeads, 1, slots, headSize], values);
    },
  };
}

/** Rows of `from` numbers, each with room behind it for `to`. */
function restrided(rows: Float32Array, from: number, to: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array((rows.length / from) * to);
  for (let row = 0; row * from < rows.length; row++) {
    out.set(rows.subarray(row * from, (row + 1) * from), row * to);
  }
  return out;
}

/** 0 for the filled slots and the token itself, −∞ for the empty ones: [1, 1, 1, C + 1]. */
export function slotMask(tokens: number, window: number | null): Tensor {
  const slots = slotsFor(tokens, window);
  const mask = new Float32Array(slots + 1);
  mask.fill(-Infinity, Math.min(tokens, windowSlots(window)), slots);
  return float32([1, 1, 1, slots + 1], mask);
}
