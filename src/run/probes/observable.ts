/** The values that can be observed in a run, by name, and their shapes. */
import type { Held } from "../../engine/mod.ts";
import { INNER, type InnerName } from "../../models/mod.ts";
import { type StreamName, STREAMS } from "./probe.ts";

/** Values that the head reads from a stream. */
export const PREDICTIONS = ["logits", "entropy", "top1"] as const satisfies readonly Prediction[];
/** The name of a value that the head reads from a stream. */
export type Prediction = "logits" | "entropy" | "top1";

/** Values of a layer. `y.logits`, `y.entropy` and `y.top1` are read from its stream by the final norm and the head. */
export const LAYER_VALUES = [
  ...STREAMS,
  ...INNER,
  ...STREAMS.flatMap((name) => [`${name}.norm`, `${name}.mean`] as const),
  "a.cosine",
  "m.cosine",
  "y.cosine",
  "attention",
  ...PREDICTIONS.map((name) => `y.${name}` as const),
] as const;
/**
 * The names of the values that `observe` can return. `x.norm` is the length of each token's vector [T], `x.mean` the mean vector over
 * tokens [D], and `a.cosine` the cosine of each token's vector with x [T], 0 for a vector of zeros. `attention` is passed row by row.
 * `logits` [T, V], `entropy` [T] and `top1` [T] are the model's predictions, behind its last layer.
 */
export const OBSERVABLE = [...LAYER_VALUES, ...PREDICTIONS] as const;
/** The name of a value that `observe` can return. */
export type Observable = typeof OBSERVABLE[number];
/** The name of a value of a layer. */
export type LayerValue = Exclude<Observable, Prediction>;

/** The values that a function may change. */
export const CHANGEABLE = [...STREAMS, ...INNER] as const;
/** The name of a value that a function may change. */
export type Changeable = StreamName | InnerName;

/** Numbers of a shape, in row-major order. The receiver may keep them. */
export interface Observed {
  /** The numbers; their count is the product of the shape. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Lengths of the axes. */
  readonly shape: readonly number[];
}

/** Token ids of a shape. The receiver may keep them. */
export interface ObservedTokens {
  /** The ids. */
  readonly data: Int32Array<ArrayBuffer>;
  /** Lengths of the axes. */
  readonly shape: readonly number[];
}

/** The head's predictions for T rows: logits [T, V]; the entropy of each next-token distribution in nats, and its best token [T]. */
export interface Predictions {
  readonly logits: Observed;
  readonly entropy: Observed;
  readonly top1: ObservedTokens;
}

/** Reads the head's predictions for some rows of a stream [N, D]. */
export type ReadHead = <Name extends Prediction>(
  stream: Held,
  rows: Int32Array,
  names: readonly Name[],
) => Promise<Pick<Predictions, Name>>;

/** The attention of one query: weights [H, t + 1] on the keys 0 … t, which sum to 1 for each head; 0 outside a sliding window. */
export interface AttentionRow extends Observed {
  /** The position t of the query. */
  readonly query: number;
}

/** The observed values of one layer and one sample. */
export type Seen<Name extends Observable> =
  & { readonly layer: number; readonly sample: number }
  & {
    readonly [Each in Name]: Each extends "attention" ? Iterable<AttentionRow>
      : Each extends "top1" | "y.top1" ? ObservedTokens
      : Observed;
  };
