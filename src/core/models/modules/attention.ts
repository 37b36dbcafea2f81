/**
 * Softmax attention of heads, whose queries, keys and values its kinds make in their own ways (softmax.ts, latent.ts): one piece of
 * code for the graph of a pass, that of new tokens, the keys and values that are remembered, and the cost.
 */
import { Concat, Mul, Reshape, Sigmoid, Slice, type Value } from "../../onnx/mod.ts";
import type { AttentionSpec, TensorNeed } from "../pieces.ts";
import { attend, attendMasked, type Heads } from "../values/attention.ts";
import { asUpdate, rowsOf } from "../values/inputs.ts";
import { linear, norm, type Weights } from "../values/linear.ts";
import { attendAfter, isGrouped, keysShape } from "../values/past.ts";
import { rotaryInputs, rotaryShared, rotate } from "../values/rope.ts";
import { watch } from "../values/watch.ts";
import {
  type AttentionTaps,
  type InnerName,
  type MixerKind,
  orGiven,
  type Pass,
  type Scoring,
  together,
} from "./kind.ts";
import { linearTensors, normTensors } from "./needs.ts";

type Scored = AttentionSpec & { readonly kind: string };

/** The declarations that differ between these kinds: how heads are made, and from which tensors. */
type Own<Spec extends Scored> =
  & Pick<MixerKind<Spec>, "kind" | "title" | "cut" | "reshaped" | "kept" | "inexpressible">
  & Pick<Scoring<Spec>, "sizes">
  & {
    /** Tensors between the norm and the output projection. */
    heads(spec: Spec, hidden: number): TensorNeed[];
    /** Heads of the normed stream [N, D]; `turn` rotates that number of heads. */
    project(
      normed: Value,
      spec: Spec,
      weights: Weights,
      turn: (x: Value, heads: number) => Value,
    ): Heads & { readonly gate?: Value };
  };

/** The kind with all that these kinds share. */
export function attentionKind<Spec extends Scored>(
  { heads: headTensors, project: projected, sizes, ...own }: Own<Spec>,
): MixerKind<Spec> {
  const tensors = (spec: Spec, hidden: number) => [
    ...normTensors("attention.norm", spec.norm.pre, hidden),
    ...headTensors(spec, hidden),
    ...(spec.sinks ? [["attention.sinks", [spec.heads], { stream: 15 }] as const] : []),
    ...linearTensors("attention.o_proj", [hidden, spec.heads * sizes(spec).value], spec.bias.output, {
      stream: 3,
      residual: true,
    }),
    ...normTensors("attention.post_norm", spec.norm.post, hidden),
  ];
  const project: Scoring<Spec>["project"] = (x, spec, weights, rotary, extent) => {
    const normed = norm(x, spec.norm.pre, "attention.norm", weights);
    const sinks = spec.sinks ? { sinks: weights.values.get("attention.sinks")! } : {};
    const turn = (x: Value, heads: number) => watch(rotary ? rotate(x, spec, heads, rotary, extent) : x);
    return { ...projected(normed, spec, weights, turn), ...sinks };
  };
  return {
    ...own,
    tensors,
    groups: (spec, hidden) => together(tensors(spec, hidden)),
    width: ({ heads, headSize }) => 4 * heads * headSize,
    pass: (x, spec, pass) => passed(x, spec, project, sizes(spec).value, pass),
    step(x, spec, weights, { texts, lowering, shared, ...step }) {
      const rotary = spec.rope && rotaryShared(spec.rope, shared, lowering);
      const heads = project(x, spec, weights, rotary, { samples: texts, length: -1 });
      const { key, value } = step.past();
      const { mixed, present } = attendAfter(spec, heads, { key, value }, shared, texts, lowering);
      step.present({ ...present });
      return watch(attentionUpdate(mixed, x, heads.gate, spec, sizes(spec).value, weights));
    },
    memory: (spec, lowering, texts) =>
      ["key", "value"].map((name) => ({
        name,
        shape: (tokens) => keysShape(spec, lowering, tokens, texts),
        grows: isGrouped(spec, lowering) ? 2 : 1,
        inPlace: isGrouped(spec, lowering),
        // The keys that the next token sees besides its own; one at least, which a mask may hide.
        seen: spec.window === null ? undefined : Math.max(1, spec.window - 1),
      })),
    core({ heads, headSize, window: own }, tokens, past) {
      const window = own ?? Infinity;
      return {
        rows: Math.min(past, window - 1) + tokens,
        flops: 4 * heads * headSize * keysSeen(past, tokens, window),
      };
    },
    inside(spec) {
      const { key, value } = sizes(spec);
      const { heads, kvHeads } = spec;
      return { q: [heads, key], k: [kvHeads, key], v: [kvHeads, value], mixed: [heads, value] };
    },
    forks: true,
    layerType: ({ window }) => window === null ? "full_attention" : "sliding_attention",
    scoring: { project, sizes },
  };
}

/** A pass: inputs cos and sin [≥ T, R/2], the weights, and those of segments. With a `sum`, the bias is in the sum already. */
function passed<Spec extends Scored>(
  x: Value,
  spec: Spec,
  project: Scoring<Spec>["project"],
  size: number,
  { graph, extent, lowering, masked = false, past = false, keep = false, ...pass }: Pass,
): AttentionTaps {
  const rows = masked ? rowsOf(extent) : extent.length;
  const rotary = spec.rope && rotaryInputs(graph, [rows, spec.rope.size / 2], lowering);
  const weights = pass.weights();
  const made = project(x, spec, weights, rotary, masked ? { samples: 1, length: -1 } : extent);
  const width = spec.kvHeads * spec.headSize;
  const used = (name: InnerName, heads: number, make: () => Value) =>
    orGiven({ graph, extent, ...pass }, name, heads * spec.headSize, make);
  const q = used("q", spec.heads, () => made.q);
  const k = used("k", spec.kvHeads, () => made.k);
  const v = used("v", spec.kvHeads, () => made.v);
  const heads = { ...made, q, k, v };
  const sum = pass.sum();
  const input = (name: string) => graph.input(name, "f32", ["past", width]);
  const before = past ? { key: input("past_key"), value: input("past_value") } : null;
  if (keep) {
    graph.output("key", before ? Concat([before.key, k], 0) : k);
    graph.output("value", before ? Concat([before.value, v], 0) : v);
  }
  const { samples } = extent;
  const mask = () => graph.input("mask", "f32", [samples, 1, "row", "column"]);
  const mixed = used(
    "mixed",
    spec.heads,
    () =>
      masked
        ? attendMasked(spec, heads, before, mask(), samples, lowering)
        : attend(spec, heads, extent, lowering),
  );
  return { x, q, k, v, mixed, a: watch(attentionUpdate(mixed, x, heads.gate, spec, size, weights, sum)) };
}

/** The update of attention to the stream x, [N, D], from its mixed values, whose heads have zeros behind their `size` numbers, times σ(gate) [N, H·E]. */
export function attentionUpdate(
  mixed: Value,
  x: Value,
  gate: Value | undefined,
  spec: AttentionSpec,
  size: number,
  weights: Weights,
  sum?: Value | null,
): Value {
  const values = withoutPadding(mixed, spec.heads, spec, size);
  const raw = linear(gate ? Mul(values, Sigmoid(gate)) : values, "attention.o_proj", weights, sum);
  return asUpdate(raw, x, spec, "attention", weights);
}

/** Heads [N, H · E] as they are run, without the zeros behind each: [N, H · size]. */
export function withoutPadding(x: Value, heads: number, { headSize }: AttentionSpec, size: number): Value {
  if (size === headSize) return x;
  return Reshape(Slice(Reshape(x, [-1, heads, headSize]), 0, size, 2), [-1, heads * size]);
}

/** Keys that the tokens see together: each those before it and itself, at most the window. */
function keysSeen(past: number, tokens: number, window: number): number {
  const free = Math.max(0, Math.min(tokens, window - past)); // tokens whose window is not yet full
  return free * past + free * (free + 1) / 2 + (tokens > free ? (tokens - free) * window : 0);
}
