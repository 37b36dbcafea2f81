/**
 * Multi-head latent attention (MLA): k and v of all heads come from one vector of `keyValue` numbers, normed, and one rotated key of
 * rope.size numbers that all heads share; q from `query` numbers, normed, or straight from the stream (null). A head's q and k have
 * `plain` numbers besides the rotated ones, its v `value`; headSize is the larger of both, and the smaller is run with zeros behind.
 * Source: Hugging Face `modeling_deepseek_v3.py`.
 */
import { Concat, Expand, Mul, Reshape, scalar, Slice, type Value } from "../../onnx/mod.ts";
import type { AttentionSpec } from "../pieces.ts";
import { linear, norm } from "../values/linear.ts";
import { watch } from "../values/watch.ts";
import { attentionKind } from "./attention.ts";
import { piece } from "./cuts.ts";
import { type MixerKind, type ModuleChanges, placed } from "./kind.ts";
import { linearTensors, normWeight } from "./needs.ts";

export interface LatentSpec extends AttentionSpec {
  readonly kind: "latent";
  readonly latents: {
    readonly query: number | null;
    readonly keyValue: number;
    readonly plain: number;
    readonly value: number;
    readonly epsilon: number;
  };
}

export const latent: MixerKind<LatentSpec> = attentionKind<LatentSpec>({
  kind: "latent",
  title: "latent attention",
  heads({ heads, rope, bias, latents }, hidden) {
    const { query, keyValue, plain, value } = latents;
    const rotated = rope?.size ?? 0;
    const width = heads * (plain + rotated);
    return [
      ...(query === null ? [] : [
        ...linearTensors("attention.q_a_proj", [query, hidden], bias.qkv, { stream: 16 }),
        normWeight("attention.q_a_norm", query),
      ]),
      ...(query === null
        ? linearTensors("attention.q_proj", [width, hidden], false, { stream: 0 })
        : linearTensors("attention.q_b_proj", [width, query], false, { stream: 17 })),
      ...linearTensors("attention.kv_a_proj", [keyValue + rotated, hidden], bias.qkv, { stream: 18 }),
      normWeight("attention.kv_a_norm", keyValue),
      ...linearTensors("attention.kv_b_proj", [heads * (plain + value), keyValue], false, { stream: 19 }),
    ];
  },
  /** Each head's rotated numbers first. */
  project(normed, { heads, rope, headSize, latents }, weights, turn) {
    const { query, keyValue, plain, value, epsilon } = latents;
    const rotated = rope?.size ?? 0;
    const rms = { kind: "rms", epsilon } as const;
    const project = (x: Value, name: string) => linear(x, `attention.${name}_proj`, weights);
    const byHead = (x: Value, size: number) => Reshape(x, [-1, heads, size]);
    const joined = (parts: Value[], size: number) => asHeads(Concat(parts, 2), heads, size, headSize);
    const turned = (x: Value) => turn(x, heads);

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
  },
  sizes: ({ latents: { plain, value }, rope }) => ({ key: plain + (rope?.size ?? 0), value }),
  kept: ({ latents, rope }) => latents.keyValue + (rope?.size ?? 0),
  cut: (spec, hidden) => [piece(spec, latent.tensors(spec, hidden, "attention"))],
  reshaped,
  inexpressible: { "hf-nas": "has latent attention, for which the format has no place" },
});

/** Heads [N, H, from] with zeros behind each: [N, H · to]. Not every engine can pad. */
function asHeads(x: Value, heads: number, from: number, to: number): Value {
  if (from === to) return Reshape(x, [-1, heads * to]);
  const zero = Mul(Slice(x, 0, 1, 2), scalar(x.graph, 0));
  return Reshape(Concat([x, Expand(zero, [1, 1, to - from])], 2), [-1, heads * to]);
}

/** Latents scale with the width, a head's own numbers as heads do elsewhere. */
function reshaped(spec: LatentSpec, ratio: number, changes: ModuleChanges): LatentSpec {
  const { heads = spec.heads } = changes;
  const { latents } = spec;
  const ofHead = spec.heads * ratio / heads;
  const made = {
    ...latents,
    query: latents.query && latents.query * ratio,
    keyValue: latents.keyValue * ratio,
    plain: latents.plain * ofHead,
    value: latents.value * ofHead,
  };
  const rotated = (spec.rope?.size ?? 0) * ofHead;
  const sizes = [made.query ?? 0, made.keyValue, made.plain, made.value, rotated / 2];
  if (!sizes.every(Number.isInteger)) {
    throw new RangeError(
      `Cannot reshape latent attention: latents of ${
        made.query ?? "no"
      } and ${made.keyValue} numbers, ${heads} heads of ${made.plain} and ${rotated} rotated, values of ${made.value}, expected whole numbers and an even rotation`,
    );
  }
  return {
    ...spec,
    latents: made,
    heads,
    kvHeads: heads,
    headSize: Math.max(made.plain + rotated, made.value),
    scale: spec.scale / Math.sqrt(ofHead),
    rope: spec.rope && { ...spec.rope, size: rotated },
    norm: placed(spec.norm, changes),
  };
}
