/**
 * Causal attention over whole texts, from the operators that an engine has.
 *
 * It is sliced over the queries: every way multiplies each query of a slice with each key of it, so slices, each with the
 * keys that it sees, skip most of the half that causality hides, and no T × T scores exist.
 *
 *     grouped     GroupQueryAttention: hides keys by itself, and hands its keys on from slice to slice
 *     standard    ONNX Attention: a mask hides the keys; all texts at once
 *     decomposed  products, soft cap, mask and softmax: operators that every engine has
 *
 * Letters: G = H/K query heads that share a key head, R rows (queries) of a slice, S keys that they see.
 */
import { type Lowering, scalar, softcap, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { ranges } from "../../weights/mod.ts";
import type { AttentionSpec } from "../pieces.ts";
import { causalMask, keySpan, spanMask } from "./mask.ts";

/** How many samples of how many tokens a graph is made for. */
export type Extent = { readonly samples: number; readonly length: number };

/** Rotated queries [B·T, H·E] and keys, and values, [B·T, K·E]. */
export interface Heads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  /** [H], a score of each head that joins its softmax and is dropped after it. */
  readonly sinks?: Value;
}

/** Queries of a slice at most. */
const QUERIES = 256;
/** Scores that exist at once, if a slice can be so short: 64 MiB, half of the smallest limit of a GPU's buffer. */
const SCORES = 16 * 2 ** 20;

/** Attention of every sample to itself: [B·T, H·E]. */
export function attend(
  spec: AttentionSpec,
  heads: Heads,
  extent: Extent,
  { attention }: Pick<Lowering, "attention">,
): Value {
  switch (attention) {
    case "grouped":
      return grouped(spec, heads, extent);
    case "grouped-without-softcap":
      return isPlain(spec, extent) ? grouped(spec, heads, extent) : inSlices(spec, heads, extent, products);
    case "standard":
      return inSlices(spec, heads, extent, operator);
    case "decomposed":
      return inSlices({ ...spec, kvHeads: spec.heads }, repeated(spec, heads), extent, products);
  }
}

/** No soft cap, sinks, or window that hides a key: WebGPU's operator ignores the one, and loses the other's keys from slice to slice. */
function isPlain({ softcap, window, sinks }: AttentionSpec, { length }: Extent): boolean {
  return !softcap && !sinks && (window ?? length) >= length;
}

/** GroupQueryAttention wants heads of a multiple of 8: zeros behind each change neither scores nor sums. */
const HEAD_UNIT = 8;

/** The size at which it runs a head. */
export function keptHeadSize({ headSize }: Pick<AttentionSpec, "headSize">): number {
  return Math.ceil(headSize / HEAD_UNIT) * HEAD_UNIT;
}

function grouped(spec: AttentionSpec, { q, k, v, ...rest }: Heads, { samples, length }: Extent): Value {
  const padded = keptHeadSize(spec);
  const resize = (x: Value, heads: number) => resizeHeads(x, heads, spec.headSize, padded, samples * length);
  const heads = { q: resize(q, spec.heads), k: resize(k, spec.kvHeads), v: resize(v, spec.kvHeads), ...rest };
  const outputs = Array.from({ length: samples }, (_, sample) => groupedSample(spec, heads, sample, length))
    .flat();
  const mixed = op.Reshape(op.Concat(outputs, 1), [samples * length, spec.heads * padded]);
  return resizeHeads(mixed, spec.heads, padded, spec.headSize, samples * length);
}

function resizeHeads(x: Value, heads: number, from: number, to: number, rows: number): Value {
  if (from === to) return x;
  const split = op.Reshape(x, [-1, heads, from]);
  const resized = to > from
    ? op.Concat([split, op.Expand(scalar(x.graph, 0), [rows, heads, to - from])], 2)
    : op.Slice(split, 0, to, 2);
  return op.Reshape(resized, [-1, heads * to]);
}

/** Attention of one sample, [1, slice, width] for each slice of its queries. */
function groupedSample(
  spec: AttentionSpec,
  { q, k, v, sinks }: Heads,
  sample: number,
  length: number,
): Value[] {
  const int32 = (shape: number[], value: number) =>
    q.graph.constant({ dtype: "i32", shape, data: Int32Array.of(value) });
  const outputs: Value[] = [];
  let past: { key: Value; value: Value } | null = null;
  for (const [start, end] of ranges(0, length, QUERIES)) {
    const rows = (value: Value) =>
      op.Reshape(op.Slice(value, sample * length + start, sample * length + end, 0), [1, end - start, -1]);
    const { output, present } = op.GroupQueryAttention({
      query: rows(q),
      key: rows(k),
      value: rows(v),
      past,
      seqlensK: int32([1], end - 1),
      totalSequenceLength: int32([], end),
      sinks,
    }, spec);
    past = present;
    outputs.push(output);
  }
  return outputs;
}

/** How slices are attended to: heads as they are laid out before they are sliced, along an axis, and how one slice is mixed. */
interface Sliced {
  readonly axis: number;
  /** Heads of [B·T, heads · E]. */
  laid(x: Value, samples: number, heads: number, headSize: number): Value;
  /** One slice of R queries, and the S keys and values that it sees: [B, R, H·E]. */
  mixed(spec: AttentionSpec, heads: Heads, mask: Value, samples: number): Value;
}

function inSlices(
  spec: AttentionSpec,
  { q, k, v, ...rest }: Heads,
  { samples, length }: Extent,
  { axis, laid, mixed }: Sliced,
): Value {
  const slices = slicesOf(spec, { samples, length });
  const mask = causalMask(q, {
    rows: Math.max(...slices.map(({ start, end }) => end - start)),
    columns: Math.max(...slices.map(({ keys: { from, end } }) => end - from)),
    window: spec.window,
  });
  const [all, keys, values] = ([[q, spec.heads], [k, spec.kvHeads], [v, spec.kvHeads]] as const)
    .map(([x, heads]) => laid(x, samples, heads, spec.headSize));
  const outputs = slices.map(({ start, end, keys: span }) => {
    const rows = end - start;
    const seen = (x: Value) => span.end - span.from === length ? x : op.Slice(x, span.from, span.end, axis);
    const own = rows === length ? all : op.Slice(all, start, end, axis);
    const heads = { q: own, k: seen(keys), v: seen(values), ...rest };
    return mixed(spec, heads, spanMask(mask, span, rows), samples);
  });
  return op.Reshape(op.Concat(outputs, 1), [samples * length, spec.heads * spec.headSize]);
}

/** Queries [start, end), and the keys that they see. */
function slicesOf(spec: AttentionSpec, { samples, length }: Extent) {
  const { heads } = spec;
  const fitting = Math.floor(SCORES / (samples * heads * length));
  const rows = Math.max(1, Math.min(QUERIES, fitting));
  return [...ranges(0, length, rows)].map(([start, end]) => ({
    start,
    end,
    keys: keySpan(spec, start, end),
  }));
}

/**
 * Attention of B samples, each to the same past [P, K·E] and to its own tokens, as a mask [B, 1, S, P + S] has it (mask.ts):
 * [B·S, H·E]. S and P need not be known when the graph is made.
 */
export function attendMasked(
  spec: AttentionSpec,
  { q, k, v, ...rest }: Heads,
  past: { readonly key: Value; readonly value: Value } | null,
  mask: Value,
  samples: number,
  lowering: Lowering,
): Value {
  const bySample = (x: Value, heads: number) => op.Reshape(x, [samples, -1, heads * spec.headSize]);
  const after = (before: Value | undefined, x: Value) => {
    const own = bySample(x, spec.kvHeads);
    if (!before) return own;
    const repeated = op.Expand(op.Reshape(before, [1, -1, spec.kvHeads * spec.headSize]), [samples, 1, 1]);
    return op.Concat([repeated, own], 1);
  };
  const heads = { q: bySample(q, spec.heads), k: after(past?.key, k), v: after(past?.value, v), ...rest };
  const mixed = lowering.masked === "standard"
    ? standard(spec, heads, mask, samples)
    : decomposed(spec, heads, mask, samples);
  return op.Reshape(mixed, [-1, spec.heads * spec.headSize]);
}

/** Attention of q [B, R, H·E] to k and v [B, S, K·E] by ONNX's operator, which knows nothing of sinks: [B, R, H·E]. */
export function standard(spec: AttentionSpec, heads: Heads, mask: Value, samples: number): Value {
  if (heads.sinks) return decomposed(spec, heads, mask, samples);
  return op.Attention(heads.q, heads.k, heads.v, mask, spec);
}

/** The same by products; R and S need not be known when the graph is made. */
export function decomposed(spec: AttentionSpec, heads: Heads, mask: Value, samples: number): Value {
  const { heads: H, kvHeads: K, headSize } = spec;
  const laid = (x: Value, heads: number) => byHead(x, samples, heads, headSize);
  const { q, k, v, ...rest } = heads;
  return multiplied(spec, { ...rest, q: laid(q, H), k: laid(k, K), v: laid(v, K) }, mask, samples);
}

const operator: Sliced = {
  axis: 1,
  laid: (x, samples, heads, headSize) => op.Reshape(x, [samples, -1, heads * headSize]),
  mixed: standard,
};

/** Heads are laid out by [B, heads, T, E] once, not in each slice. */
const products: Sliced = { axis: 2, laid: byHead, mixed: multiplied };

function byHead(x: Value, samples: number, heads: number, headSize: number): Value {
  return op.Transpose(op.Reshape(x, [samples, -1, heads, headSize]), [0, 2, 1, 3]);
}

/** Attention of q [B, H, R, E] to k and v [B, K, S, E]: [B, R, H·E]. */
function multiplied(
  { heads: H, kvHeads: K, headSize: E, scale, softcap: cap }: AttentionSpec,
  { q, k, v, sinks }: Heads,
  mask: Value,
  samples: number,
): Value {
  const shared = (x: Value, heads: number) => H === K ? x : op.Reshape(x, [samples, heads, -1, SAME]);
  const queries = shared(op.Mul(q, scalar(q.graph, scale)), K); // [B, K, G·R, E]
  const products = op.MatMul(queries, op.Transpose(k, [0, 1, 3, 2]));
  const capped = cap ? softcap(products, cap) : products;
  const scores = op.Add(shared(capped, H), mask);
  const shares = sinks ? sharesBesides(scores, sinks, H) : op.Softmax(scores, -1);
  const mixed = shared(op.MatMul(shared(shares, K), v), H); // [B, H, R, E]
  return op.Reshape(op.Transpose(mixed, [0, 2, 1, 3]), [samples, -1, H * E]);
}

/** Heads with keys and values repeated for every query head: OpenVINO is faster where no products are reshaped. */
function repeated({ heads, kvHeads, headSize }: AttentionSpec, { k, v, ...rest }: Heads): Heads {
  if (heads === kvHeads) return { k, v, ...rest };
  const forAll = (x: Value) => {
    const one = op.Reshape(x, [-1, kvHeads, 1, headSize]);
    return op.Reshape(op.Concat(Array(heads / kvHeads).fill(one), 2), [-1, heads * headSize]);
  };
  return { ...rest, k: forAll(k), v: forAll(v) };
}

/** Shares [B, H, R, S] of the keys, besides what each head's sink takes. */
function sharesBesides(scores: Value, sinks: Value, heads: number): Value {
  const zeros = op.Mul(op.Slice(scores, 0, 1, 3), scalar(scores.graph, 0)); // hidden scores are finite
  const all = op.Concat([op.Add(zeros, op.Reshape(sinks, [1, heads, 1, 1])), scores], 3);
  return op.Slice(op.Softmax(all, -1), 1, END, 3);
}

/** Past the end of any axis. */
const END = 2 ** 31 - 1;

/** In a new shape: as many as there were along this axis. */
const SAME = 0;
