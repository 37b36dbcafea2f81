/** The values that can be observed in a run, by name, and those that a function returns once it has seen a layer. */
import type { Held } from "../../engine/mod.ts";
import { INNER, type InnerName } from "../../models/mod.ts";
import { type StreamName, STREAMS } from "./probe.ts";
import { areFinite, sumOfSquares } from "../finite.ts";

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

/** The numbers of one sample, by the names of what they take the place of. */
export type Own = ReadonlyMap<Changeable, Float32Array>;

/** Where the function was called, and the shapes of the values that it has seen and may change. */
interface Call {
  readonly layer: number;
  readonly sample: number;
  readonly shapes: ReadonlyMap<Changeable, readonly number[]>;
}

/**
 * The values that a function returned, or null if it returned none. A number, a Map or a Set counts as none, since short arrow functions
 * return them by accident. Throws `TypeError` for anything else that is no record of values, and `RangeError` for a wrong name, shape or number.
 */
export function valuesIn(returned: unknown, call: Call): Own | null {
  if (typeof returned !== "object" || returned === null) return null;
  if (returned instanceof Map || returned instanceof Set) return null;
  if (!isPlain(returned)) {
    throw new TypeError(
      `${where("values", call)}: the function returned ${kindOf(returned)}, expected an object such as { ${
        [...call.shapes.keys()][0] ?? "a"
      }: … }, or nothing`,
    );
  }
  const given = Object.entries(returned).filter(([, value]) => value !== undefined);
  return given.length === 0 ? null : new Map(given.map(([name, value]) => [
    nameIn(name, call),
    numbersIn(name as Changeable, value, call),
  ]));
}

function nameIn(name: string, call: Call): Changeable {
  const { shapes } = call;
  if (shapes.has(name as Changeable)) return name as Changeable;
  const known = [...shapes.keys()];
  const expected = known.length === 0
    ? `nothing, since none of the observed values can be changed (${CHANGEABLE.join(", ")})`
    : `one of the observed values that can be changed (${known.join(", ")})`;
  throw new RangeError(`${where(JSON.stringify(name), call)}: expected ${expected}`);
}

function numbersIn(name: Changeable, value: unknown, call: Call): Float32Array {
  const wanted = call.shapes.get(name)!;
  const cannot = (found: string, expected: string) =>
    new RangeError(`${where(name, call)}: found ${found}, expected ${expected}`);
  const { data, shape } = typeof value === "object" && value !== null && isPlain(value)
    ? value as { data?: unknown; shape?: unknown }
    : { data: value, shape: undefined };
  if (!(data instanceof Float32Array)) {
    throw new TypeError(
      `${where(name, call)}: found ${kindOf(data)}, expected a Float32Array, or { data, shape } with one`,
    );
  }
  if (shape !== undefined && !(Array.isArray(shape) && shape.join() === wanted.join())) {
    throw cannot(
      `shape ${Array.isArray(shape) ? `[${shape.join(", ")}]` : kindOf(shape)}`,
      shapeText(wanted),
    );
  }
  const count = wanted.reduce((a, b) => a * b);
  if (data.length !== count) {
    throw cannot(`${data.length} numbers`, `${count}, of shape ${shapeText(wanted)}`);
  }
  if (areFinite(sumOfSquares(data))) return data.slice(); // the function may use its memory again
  const wrong = data.findIndex((number) => !Number.isFinite(number));
  throw wrong < 0
    ? cannot(`numbers whose squares sum to ${sumOfSquares(data).toPrecision(3)}`, "less than 2^124")
    : cannot(`${data[wrong]} at index ${wrong}`, "finite numbers");
}

const shapeText = (shape: readonly number[]) => `[${shape.join(", ")}]`;

function where(what: string, { layer, sample }: Call): string {
  return `Cannot change ${what} of layer ${layer}, sample ${sample}`;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null; // objects of another realm too
}

/** A value in words: "a Float64Array", "null", "a number". */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = value.constructor?.name || "object without a name";
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}

/** Groups the samples of a batch by the names of what is changed in them. */
export function grouped(bySample: ReadonlyMap<number, Own>) {
  const groups = Map.groupBy(bySample, ([, own]) => [...own.keys()].sort().join());
  return [...groups.values()].map((members) => (
    { names: [...members[0][1].keys()], samples: new Map(members) }
  ));
}
