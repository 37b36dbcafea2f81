/** The final norm and the head's matrix: read in slices of rows, and searched if numbers are not finite. */
import type { Engine, Held } from "../../engine/mod.ts";
import { type Model, type ModelSpec, normTensors, scoredRowsGraph } from "../../models/mod.ts";
import { float32, indices, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { ranges } from "../../weights/mod.ts";
import { areFinite, culpritAmong, notFinite, sumOfSquares, takeSquares } from "../finite.ts";
import { withRead, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";
import { createGraph, type Graph, softcap } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";

/** Logits that exist at once. */
export const LOGITS = 4 * 2 ** 20;
/** Rows of the head's matrix that are read at once. */
const ROWS = 8192;

/** Rows [start, end) of the head's matrix. */
export type Rows = readonly [start: number, end: number];

/** The head's rows in order, at most 8192 at a time, and in float32 at most `bytes` unless one row is more. */
export function headSlices(
  { vocabulary, hidden }: Pick<ModelSpec, "vocabulary" | "hidden">,
  bytes = Infinity,
): Rows[] {
  return [...ranges(0, vocabulary, Math.max(1, Math.min(ROWS, Math.floor(bytes / (4 * hidden)))))];
}

/** Some rows of the head's matrix in float32. Throws `RangeError` for rows that are not finite. */
export async function headRows(model: Model, rows: Rows): Promise<Tensor> {
  const tensor = await model.weights.outer("head.weight", rows);
  const data = toFloat32(tensor);
  if (areFinite(sumOfSquares(data))) return float32(tensor.shape, data);
  throw notFinite(model, "head", culpritAmong([["head.weight", tensor]]));
}

export async function finalNorm({ spec, weights }: Model): Promise<Map<string, Tensor>> {
  const named = new Map<string, Tensor>();
  for (const [name] of normTensors("final_norm", spec.finalNorm, spec.hidden)) {
    named.set(name, await weights.outer(name));
  }
  return named;
}

/** Takes rows of P streams through the final norm: [n, P, D]. Throws `RangeError` where they are not finite. */
export async function normedRows(model: Model, engine: Engine, { get }: Programs, signal?: AbortSignal) {
  const weights = Object.fromEntries(
    [...await finalNorm(model)].map(([name, tensor]) => [name, float32(tensor.shape, toFloat32(tensor))]),
  );
  return async (streams: readonly Held[], rows: Int32Array): Promise<Held> => {
    const program = await get(["rows", streams.length], () => scoredRowsGraph(model.spec, streams.length));
    const named = Object.fromEntries(streams.map((stream, plan) => [`x${plan}`, stream]));
    const { squares, hidden } = await withUploaded(
      engine,
      { ...weights, rows: indices(rows) },
      (held) => program.run({ ...held, ...named }, { signal }),
    );
    if (areFinite(await takeSquares(engine, squares))) return hidden;
    hidden.free();
    throw notFinite(model, "final norm", culpritAmong(Object.entries(weights)));
  };
}

/** Writes the logits of some words [n, end − start] into those of all words [n, V]. */
export function intoRows(
  all: Float32Array,
  some: Float32Array,
  [start, end]: Rows,
  vocabulary: number,
): void {
  for (let row = 0; row * vocabulary < all.length; row++) {
    all.set(some.subarray(row * (end - start), (row + 1) * (end - start)), row * vocabulary + start);
  }
}

/** The error for logits that are not finite: it begins where the weights do that are not, or are too large. */
export async function headNotFinite(model: Model): Promise<RangeError> {
  const norm = await finalNorm(model);
  const isSound = [...norm.values()].every((tensor) => areFinite(sumOfSquares(toFloat32(tensor))));
  if (!isSound) return notFinite(model, "final norm", culpritAmong(norm));
  for (const rows of headSlices(model.spec)) await headRows(model, rows);
  return notFinite(model, "head", null);
}

/** The fewest rows that are measured of a text, if it has them, and the distance between them in a long one. */
const LEAST = 32;
const APART = 16;

/** The rows whose acceptance is measured in a text with `predicted` tokens: all of a short text, every 16th of a long one. */
export function draftedRows(predicted: number): number[] {
  const apart = Math.min(APART, Math.max(1, Math.floor(predicted / LEAST)));
  const first = Math.floor(apart / 2);
  return Array.from({ length: Math.ceil((predicted - first) / apart) }, (_, i) => first + i * apart);
}

/** Some rows of all plans [n, P, D], and ln Σ e^z of each over the whole vocabulary [n, P]. */
export interface Drafted {
  readonly hidden: Held;
  readonly logSums: Float32Array;
}

/**
 * Reads Σ_v max(0, p_full − p_plan) over the words of a slice, [n, P]; plan 0 is the full model. Over all slices it is one less the
 * share of a plan's drafted tokens that the full model accepts, Σ_v min(p_full, p_plan), where tokens are drawn (Leviathan et al.,
 * arXiv 2211.17192, corollary 3.6): exactly 1 where both are equal. The plan reads the text with keys and values of its own; a draft
 * in a round (decode/sample.ts) reads the full model's, and another share is accepted (docs/guide.md).
 *
 * The sum needs whole probabilities, so the normalisers of both must be known: the slices of the vocabulary pass a second time, which
 * costs as much as the first pass, most of a head's time; so it takes some rows of each text only.
 */
export function rejections(
  engine: Engine,
  { get }: Programs,
  { hidden, head: { softcap } }: ModelSpec,
  signal?: AbortSignal,
) {
  return async (rows: Drafted, weight: Held): Promise<Float32Array> => {
    const [n, plans] = rows.hidden.shape;
    const words = weight.shape[0];
    const program = await get(
      ["rejected", plans, words],
      () => rejectionGraph(hidden, plans, words, softcap),
    );
    return await withUploaded(
      engine,
      { logSums: float32([n, plans, 1], rows.logSums) },
      async ({ logSums }) => {
        const outputs = await program.run({ hidden: rows.hidden, logSums, weight }, { signal });
        return await withRead(engine, outputs, ({ rejected }) => (rejected.data as Float32Array).slice());
      },
    );
  };
}

/** Inputs hidden [n, P, D], weight [S, D] and logSums [n, P, 1]; output rejected [n, P]. */
function rejectionGraph(hidden: number, plans: number, words: number, cap: number | null): Graph {
  const graph = createGraph();
  const rows = op.Reshape(graph.input("hidden", "f32", ["n", plans, hidden]), [-1, hidden]);
  const raw = op.Gemm(rows, graph.input("weight", "f32", [words, hidden]));
  const z = op.Reshape(cap ? softcap(raw, cap) : raw, [-1, plans, words]);
  const p = op.Exp(op.Sub(z, graph.input("logSums", "f32", ["n", plans, 1])));
  graph.output("rejected", op.ReduceSum(op.Relu(op.Sub(op.Slice(p, 0, 1, 1), p)), [2]));
  return graph;
}
