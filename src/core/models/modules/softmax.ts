/** Attention with grouped heads, q, k and v being projections of the stream. */
import { Clip, Reshape, SimplifiedLayerNormalization, type Value } from "../../onnx/mod.ts";
import type { AttentionSpec } from "../pieces.ts";
import { linear, type Weights } from "../values/linear.ts";
import { watch } from "../values/watch.ts";
import { attentionKind } from "./attention.ts";
import { columns, float32Bytes, ofPiece, type Piece, piece, rows, unitRanges } from "./cuts.ts";
import { type MixerKind, type ModuleChanges, placed } from "./kind.ts";
import { linearTensors, normWeight } from "./needs.ts";

export interface SoftmaxSpec extends AttentionSpec {
  readonly kind: "softmax";
  /** RMSNorm of q and k before the rotation: one weight per head size, or over the whole width. */
  readonly qkNorm: { readonly over: "head" | "width"; readonly epsilon: number } | null;
  /** q, k and v are held within ±clip before the rotation. */
  readonly clip?: number;
  /** The mixed values are multiplied by σ(g(norm(x))), g a projection beside q. */
  readonly outputGate?: true;
}

export const softmax: MixerKind<SoftmaxSpec> = attentionKind<SoftmaxSpec>({
  kind: "softmax",
  title: "attention",
  heads({ heads, kvHeads, headSize, bias, qkNorm, outputGate }, hidden) {
    const [query, key] = [heads * headSize, kvHeads * headSize];
    return [
      ...linearTensors("attention.q_proj", [query, hidden], bias.qkv, { stream: 0 }),
      ...(outputGate ? linearTensors("attention.g_proj", [query, hidden], bias.qkv, { stream: 20 }) : []),
      ...linearTensors("attention.k_proj", [key, hidden], bias.qkv, { stream: 1 }),
      ...linearTensors("attention.v_proj", [key, hidden], bias.qkv, { stream: 2 }),
      ...(qkNorm
        ? [
          normWeight("attention.q_norm", qkNorm.over === "head" ? headSize : query),
          normWeight("attention.k_norm", qkNorm.over === "head" ? headSize : key),
        ]
        : []),
    ];
  },
  project(normed, spec, weights, turn) {
    const project = (name: string) => linear(normed, `attention.${name}_proj`, weights);
    const rotated = (name: string, heads: number) => {
      const normedHeads = qkNorm(project(name), spec, `attention.${name}_norm`, heads, weights);
      return turn(clipped(normedHeads, spec), heads);
    };
    const [q, k] = [rotated("q", spec.heads), rotated("k", spec.kvHeads)];
    const gate = spec.outputGate ? { gate: watch(project("g")) } : {};
    return { q, k, v: clipped(project("v"), spec), ...gate };
  },
  sizes: ({ headSize }) => ({ key: headSize, value: headSize }),
  kept: ({ kvHeads, headSize }) => 2 * kvHeads * headSize,
  cut: cutHeads,
  reshaped,
  inexpressible: {},
});

/** The numbers in front of a clip are watched, since it would hide those that are not finite. */
const clipped = (x: Value, { clip }: SoftmaxSpec): Value => clip ? Clip(watch(x), -clip, clip) : x;

function qkNorm(x: Value, spec: SoftmaxSpec, name: string, heads: number, weights: Weights): Value {
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

/** By groups of key heads; whole where a norm spans all heads. */
function cutHeads(spec: SoftmaxSpec, hidden: number, most: number): Piece<SoftmaxSpec>[] {
  const { heads, kvHeads, headSize, qkNorm } = spec;
  const shared = heads / kvHeads;
  const some = (keys: number): SoftmaxSpec => ({ ...spec, heads: keys * shared, kvHeads: keys });
  const needs = (some: SoftmaxSpec) => softmax.tensors(some, hidden, "attention");
  const parts = unitRanges(kvHeads, (keys) => float32Bytes(needs(some(keys))), most);
  if (parts.length === 1 || qkNorm?.over === "width") return [piece(spec, needs(spec))];
  return parts.map(([start, end]) => {
    const [keys, queries] = [[start, end], [start * shared, end * shared]]
      .map(([first, last]) => [first * headSize, last * headSize] as const);
    const part = { ...some(end - start), ...ofPiece(spec, end === kvHeads) };
    return piece(part, needs(part), {
      attention: rows(start * shared, end * shared), // sinks
      "attention.q_proj": rows(...queries),
      "attention.g_proj": rows(...queries),
      "attention.k_proj": rows(...keys),
      "attention.v_proj": rows(...keys),
      "attention.o_proj": columns(...queries),
    });
  });
}

/** Head sizes scale with the width, at the same number of heads or at another. */
function reshaped(spec: SoftmaxSpec, ratio: number, changes: ModuleChanges): SoftmaxSpec {
  const { heads = spec.heads } = changes;
  const headSize = spec.heads * spec.headSize * ratio / heads;
  const kvHeads = heads * spec.kvHeads / spec.heads;
  const rotated = headSize * (spec.rope?.size ?? 0) / spec.headSize;
  if (
    !Number.isInteger(headSize) || !Number.isInteger(rotated) || rotated % 2 || !Number.isInteger(kvHeads)
  ) {
    throw new RangeError(
      `Cannot reshape attention: ${heads} heads (${kvHeads} of keys) of size ${headSize}, ${rotated} of it rotated, expected whole numbers and an even rotation`,
    );
  }
  return {
    ...spec,
    heads,
    kvHeads,
    headSize,
    scale: spec.scale * Math.sqrt(spec.headSize / headSize),
    rope: spec.rope && { ...spec.rope, size: rotated },
    norm: placed(spec.norm, changes),
  };
}
