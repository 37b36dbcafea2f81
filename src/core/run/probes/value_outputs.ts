/** The outputs that a graph gives for observed values, and the values that a sample's outputs come to. */
import { type AttentionInput, attentionRow } from "../../kernels/mod.ts";
import {
  type InnerName,
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
import {
  type AttentionRow,
  type LayerValue,
  type Observed,
  type Prediction,
  PREDICTIONS,
} from "./observable.ts";
import { type StreamName, STREAMS } from "./probe.ts";

type Numbers = Float32Array<ArrayBuffer>;

/** A value inside attention, without the zeros that heads of latents are run with. */
export function innerOutput(name: InnerName, value: Value, spec: MixerSpec): Value {
  const [heads, size] = mixerKind(spec).inside(spec)![name];
  const scored = scoring(spec);
  return scored ? withoutPadding(value, heads, scored, size) : value;
}

/** Outputs that a value is made of; none where its module does not run. Squares and products are sums over D, [B·T]. */
export function streamOutputs(
  name: LayerValue,
  taps: UpdateTaps,
  hidden: number,
  length: number,
): [string, Value][] {
  const [stream, reduction] = name.split(".") as [StreamName, string | undefined];
  const value = STREAMS.includes(stream) ? taps[stream] : null;
  if (!value || PREDICTIONS.includes(reduction as Prediction)) return [];
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

export function finished(name: LayerValue, output: (name: string) => Numbers, length: number): Observed {
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
export function attentionRows(
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
