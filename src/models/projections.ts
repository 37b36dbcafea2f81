/** Queries, keys and values of the stream, normed, clipped and rotated as they meet. */
import {
  Clip,
  Concat,
  Expand,
  ints,
  Mul,
  Reshape,
  RotaryEmbedding,
  scalar,
  Sigmoid,
  SimplifiedLayerNormalization,
  Slice,
  type Value,
} from "../onnx/mod.ts";
import type { Extent, Heads } from "./attention.ts";
import { linear, type Weights } from "./linear.ts";
import { norm } from "./norms.ts";
import type { AttentionSpec, LatentSpec } from "./spec.ts";
import { watch } from "./watch.ts";

/** The tables of a rotation, [≥ T, R/2]. */
export interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * q [N, H·E], k and v [N, K·E] of the stream x [N, D] of samples that each start at the tables' first row. Their length may be known
 * only when the graph runs: −1. Also the gate of what is mixed, [N, H·E].
 */
export function projections(
  x: Value,
  spec: AttentionSpec,
  weights: Weights,
  rotary: Rotary | null,
  extent: Extent,
): Heads & { readonly gate?: Value } {
  const normed = norm(x, spec.norm.pre, "attention.norm", weights);
  const sinks = spec.sinks ? { sinks: weights.values.get("attention.sinks")! } : {};
  const turn = (x: Value, heads: number) => watch(rotary ? rotate(x, spec, heads, rotary, extent) : x);
  if (spec.latents) {
    return { ...fromLatents(normed, spec, spec.latents, weights, (x) => turn(x, spec.heads)), ...sinks };
  }
  const project = (name: string) => linear(normed, `attention.${name}_proj`, weights);
  const rotated = (name: string, heads: number) => {
    const normedHeads = qkNorm(project(name), spec, `attention.${name}_norm`, heads, weights);
    return turn(clipped(normedHeads, spec), heads);
  };
  const [q, k] = [rotated("q", spec.heads), rotated("k", spec.kvHeads)];
  const gate = spec.outputGate ? { gate: watch(project("g")) } : {};
  return { q, k, v: clipped(project("v"), spec), ...sinks, ...gate };
}

/** What a clip would hide is watched in front of it. */
function clipped(x: Value, { clip }: AttentionSpec): Value {
  return clip ? Clip(watch(x), -clip, clip) : x;
}

/** The same from latents, each head's rotated numbers first. */
function fromLatents(
  normed: Value,
  spec: AttentionSpec,
  latents: LatentSpec,
  weights: Weights,
  turned: (x: Value) => Value,
): { q: Value; k: Value; v: Value } {
  const { heads, rope, headSize } = spec;
  const { query, keyValue, plain, value, epsilon } = latents;
  const rotated = rope?.size ?? 0;
  const rms = { kind: "rms", epsilon } as const;
  const project = (x: Value, name: string) => linear(x, `attention.${name}_proj`, weights);
  const byHead = (x: Value, size: number) => Reshape(x, [-1, heads, size]);
  const joined = (parts: Value[], size: number) => asHeads(Concat(parts, 2), heads, size, headSize);

  const low = query === null
    ? normed
    : norm(watch(project(normed, "q_a")), rms, "attention.q_a_norm", weights);
  const shared = project(normed, "kv_a");
  const latent = norm(watch(Slice(shared, 0, keyValue, 1)), rms, "attention.kv_a_norm", weights);
  const q = byHead(project(low, query === null ? "q" : "q_b"), plain + rotated);
  const both = byHead(project(latent, "kv_b"), plain + value);
  const key = Expand(Reshape(Slice(shared, keyValue, keyValue + rotated, 1), [-1, 1, rotated]), [
    1,
    heads,
    1,
  ]);
  return {
    q: turned(joined([Slice(q, plain, plain + rotated, 2), Slice(q, 0, plain, 2)], plain + rotated)),
    k: turned(joined([key, Slice(both, 0, plain, 2)], plain + rotated)),
    v: joined([Slice(both, plain, plain + value, 2)], value),
  };
}

/** Heads [N, H, from] with zeros behind each: [N, H · to]. Not every engine can pad. */
function asHeads(x: Value, heads: number, from: number, to: number): Value {
  if (from === to) return Reshape(x, [-1, heads * to]);
  const zero = Mul(Slice(x, 0, 1, 2), scalar(x.graph, 0));
  return Reshape(Concat([x, Expand(zero, [1, 1, to - from])], 2), [-1, heads * to]);
}

/** What the output projection reads: mixed values [N, H·E] without the zeros behind each head's, times σ(gate) where there is one. */
export function ready(mixed: Value, spec: AttentionSpec, gate?: Value): Value {
  const values = withoutPadding(mixed, spec.heads, spec, ownSizes(spec).value);
  return gate ? Mul(values, Sigmoid(gate)) : values;
}

/** Heads [N, H · E] as they are run, without the zeros behind each: [N, H · size]. */
export function withoutPadding(x: Value, heads: number, { headSize }: AttentionSpec, size: number): Value {
  if (size === headSize) return x;
  return Reshape(Slice(Reshape(x, [-1, heads, headSize]), 0, size, 2), [-1, heads * size]);
}

/** How many numbers a head's q and k have of their own, and its v: latents make them of unlike sizes, and they are run at the larger. */
export function ownSizes({ headSize, rope, latents }: AttentionSpec): { key: number; value: number } {
  return latents
    ? { key: latents.plain + (rope?.size ?? 0), value: latents.value }
    : { key: headSize, value: headSize };
}

function qkNorm(x: Value, spec: AttentionSpec, name: string, heads: number, weights: Weights): Value {
  if (!spec.qkNorm) return x;
  watch(x);
  const scale = weights.values.get(`${name}.weight`)!;
  if (spec.qkNorm.over === "width") return SimplifiedLayerNormalization(x, scale, spec.qkNorm.epsilon);
  const perHead = Reshape(x, [-1, heads, spec.headSize]);
  return Reshape(SimplifiedLayerNormalization(perHead, scale, spec.qkNorm.epsilon), [
    -1,
    heads * spec.headSize,
  ]);
}

/** Rotated heads [N, heads · E] of `samples` sequences that each start at position 0. */
function rotate(
  x: Value,
  { rope, headSize }: AttentionSpec,
  heads: number,
  tables: Rotary,
  { samples, length }: Extent,
): Value {
  const width = heads * headSize;
  const start = ints(x.graph, [0]);
  const rotated = RotaryEmbedding(Reshape(x, [samples, length, width]), start, tables, {
    heads,
    size: rope!.size,
    interleaved: rope!.interleaved ?? false,
  });
  return Reshape(rotated, [-1, width]);
}
