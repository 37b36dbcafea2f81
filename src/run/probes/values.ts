/**
 * The probe for everyone: the tensors of a layer by name, or what they reduce to, one sample after the other.
 *
 * What goes on inside attention is kept until the rest of the layer has run over the same batch: one batch, one layer.
 */
import { type AttentionInput, attentionRow } from "../../kernels/mod.ts";
import {
  type AttentionTaps,
  type LayerSpec,
  mixerKind,
  type MixerSpec,
  scoring,
  type ScoringSpec,
  type UpdateTaps,
  withoutPadding,
} from "../../models/mod.ts";
import { MatMul, Mul, ReduceSum, ReduceSumSquare, Reshape, type Value } from "../../onnx/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { attentionSizes } from "./attention_stats.ts";
import type { Observation, Present, Probe } from "./probe.ts";

/** Values around one layer [T, D]: the stream x, attention's update a, the MLP's update m, the next stream y. */
const STREAMS = ["x", "a", "m", "y"] as const;
/**
 * Values inside attention: q and mixed [T, H, E], k and v [T, K, E]; q and k as they meet (normed, rotated). Latent attention has
 * its own size of v and mixed, and its rotated numbers come first. In linear attention q and k are [T, K, E], v and mixed [T, H, V].
 */
const INNER = ["q", "k", "v", "mixed"] as const;
type Numbers = Float32Array<ArrayBuffer>;
type StreamName = typeof STREAMS[number];
type InnerName = typeof INNER[number];

/**
 * The names of the values that `observe` can return. `x.norm` is the length of each token's vector [T], `x.mean` the mean vector over
 * tokens [D], and `a.cosine` the cosine of each token's vector with x [T], 0 for a vector of zeros. `attention` is passed row by row.
 */
export const OBSERVABLE = [
  ...STREAMS,
  ...INNER,
  ...STREAMS.flatMap((name) => [`${name}.norm`, `${name}.mean`] as const),
  "a.cosine",
  "m.cosine",
  "y.cosine",
  "attention",
] as const;
/** The name of a value that `observe` can return. */
export type Observable = typeof OBSERVABLE[number];

/** Numbers of a shape, in row-major order. The receiver may keep them. */
export interface Observed {
  /** The numbers; their count is the product of the shape. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Lengths of the axes. */
  readonly shape: readonly number[];
}

/** The attention of one query: weights [H, t + 1] on the keys 0 … t, which sum to 1 for each head; 0 outside a sliding window. */
export interface AttentionRow extends Observed {
  /** The position t of the query. */
  readonly query: number;
}

/** The observed values of one layer and one sample. */
export type Seen<Name extends Observable> =
  & { readonly layer: number; readonly sample: number }
  & { readonly [Each in Name]: Each extends "attention" ? Iterable<AttentionRow> : Observed };

/**
 * Calls `see` for every layer and sample of plan number `plan`, layer by layer, and waits for it. A layer in which a module does
 * not run that one of the values belongs to is passed over.
 */
export function valuesProbe<Name extends Observable>(
  layers: readonly LayerSpec[],
  names: readonly Name[],
  see: (seen: Seen<Name>) => unknown,
  plan = 0,
): Probe {
  const asked = new Set<string>(names);
  if (asked.has("attention")) ["q", "k"].forEach((name) => asked.add(name));
  const inner = INNER.filter((name) => asked.has(name));
  const streams = STREAMS.filter((name) =>
    names.some((each) => each === name || each.startsWith(`${name}.`))
  );
  let inside: Partial<Record<InnerName, Numbers>> = {};

  function isWhole(layer: number, { attention, mlp }: Present): boolean {
    const mixer = layers[layer].attention;
    if (asked.has("attention") && !scoring(mixer)) return false; // it has no such rows
    if (inner.length > 0 && mixer && !mixerKind(mixer).inside(mixer)) return false;
    const missing = (name: StreamName) => name === "a" && !attention || name === "m" && !mlp;
    return !streams.some(missing) && (inner.length === 0 || attention);
  }

  return {
    only: [plan],
    ...inner.length > 0
      ? {
        attention: (taps: AttentionTaps, spec: MixerSpec) =>
          mixerKind(spec).inside(spec)
            ? Object.fromEntries(inner.map((name) => [`values.${name}`, innerOutput(name, taps[name], spec)]))
            : {},
        observeAttention({ layer, outputs }: Observation) {
          const mixer = layers[layer].attention!;
          if (!mixerKind(mixer).inside(mixer)) return;
          inside = Object.fromEntries(
            inner.map((name) => [name, (outputs[`values.${name}`].data as Numbers).slice()]),
          );
        },
      }
      : {},
    update: (taps, _, hidden, { length }) => {
      const wanted = names.flatMap((name) => streamOutputs(name, taps, hidden, length));
      return Object.fromEntries(wanted.map(([name, value]) => [`values.${name}`, value]));
    },
    async observeUpdate({ layer, present, first, count, length, outputs }) {
      if (!isWhole(layer, present)) return;
      const spec = layers[layer].attention;
      for (let i = 0; i < count; i++) {
        const part = (data: Float32Array) =>
          data.slice(i * data.length / count, (i + 1) * data.length / count);
        const output = (name: string) => part(outputs[`values.${name}`].data as Numbers);
        const own = new Map<string, Observed>(
          inner.map((
            name,
          ) => [name, {
            data: part(inside[name]!),
            shape: [length, ...mixerKind(spec!).inside(spec!)![name]],
          }]),
        );
        const values = names.map((name) => {
          if (name === "attention") {
            return [name, attentionRows(scoring(spec)!, length, own.get("q")!, own.get("k")!)];
          }
          return [name, own.get(name) ?? finished(name, output, length)];
        });
        await see({ layer, sample: first + i, ...Object.fromEntries(values) } as Seen<Name>);
      }
    },
  };
}

/** A value inside attention, without the zeros that heads of latents are run with. */
function innerOutput(name: InnerName, value: Value, spec: MixerSpec): Value {
  const [heads, size] = mixerKind(spec).inside(spec)![name];
  const scored = scoring(spec);
  return scored ? withoutPadding(value, heads, scored, size) : value;
}

/** Outputs that a value is made of; none where its module does not run. Squares and products are sums over D, [B·T]. */
function streamOutputs(
  name: Observable,
  taps: UpdateTaps,
  hidden: number,
  length: number,
): [string, Value][] {
  const [stream, reduction] = name.split(".") as [StreamName, string | undefined];
  const value = STREAMS.includes(stream) ? taps[stream] : null;
  if (!value) return [];
  const squares = (of: StreamName): [string, Value] => [`${of}.squares`, ReduceSumSquare(taps[of]!)];
  switch (reduction) {
    case "norm":
      return [squares(stream)];
    case "mean":
      return [[name, means(value, hidden, length)]];
    case "cosine":
      return [squares(stream), squares("x"), [`${stream}.products`, ReduceSum(Mul(value, taps.x), [-1])]];
    default:
      return [[name, value]];
  }
}

/** Mean vectors [B, D] of samples [B·T, D], as a product: engines differ in which axes they can sum over. */
function means(value: Value, hidden: number, length: number): Value {
  const share = new Float32Array(length).fill(1 / length);
  const product = MatMul(
    value.graph.constant(float32([1, 1, length], share)),
    Reshape(value, [-1, length, hidden]),
  );
  return Reshape(product, [-1, hidden]);
}

/** What one sample's outputs come to. */
function finished(name: Observable, output: (name: string) => Numbers, length: number): Observed {
  const [stream, reduction] = name.split(".");
  switch (reduction) {
    case "norm":
      return vector(output(`${stream}.squares`).map(Math.sqrt));
    case "mean":
      return vector(output(name));
    case "cosine": {
      const [squares, others] = [output(`${stream}.squares`), output("x.squares")];
      const cosine = (product: number, i: number) => product / (Math.sqrt(squares[i] * others[i]) || 1);
      return vector(output(`${stream}.products`).map(cosine));
    }
    default: {
      const data = output(name);
      return { data, shape: [length, data.length / length] };
    }
  }
}

const vector = (data: Numbers): Observed => ({ data, shape: [data.length] });

/** The rows of all queries, each made when it is asked for: memory for one. */
function attentionRows(
  spec: ScoringSpec,
  tokens: number,
  q: Observed,
  k: Observed,
): Iterable<AttentionRow> {
  const { heads } = spec;
  const sizes = { ...attentionSizes(spec, tokens), size: mixerKind(spec).inside(spec)!.q[1] };
  const input: AttentionInput = { ...sizes, q: q.data, k: k.data };
  return {
    *[Symbol.iterator]() {
      for (let query = 0; query < tokens; query++) {
        const data = new Float32Array(heads * (query + 1));
        for (let head = 0; head < heads; head++) {
          data.set(attentionRow(input, head, query), head * (query + 1));
        }
        yield { query, data, shape: [heads, query + 1] };
      }
    },
  };
}
