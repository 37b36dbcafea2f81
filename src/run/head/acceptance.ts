/**
 * The share of a plan's drafted tokens that the full model accepts, Σ_v min(p_full, p_plan), where tokens are drawn (Leviathan et al.,
 * arXiv 2211.17192, corollary 3.6). It is 1 − Σ_v max(0, p_full − p_plan), which is exactly 1 where both are equal. The plan reads the text
 * with keys and values of its own. A draft in a round (run/decode/round.ts) reads the full model's, and another share is accepted
 * (tests/bench/acceptance_bench.ts). To measure that one takes another pass of each plan, over the full model's keys and values and its own.
 *
 * The sum needs whole probabilities, so the normalisers of both must be known: the slices of the vocabulary pass a second time. The
 * products of that pass cost as much as those of the first, which is most of a head's time; so it takes some rows of each text only.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { createGraph, type Graph, softcap } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { withRead, withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";

/** Of each text so many rows are measured at least, where it has them, and one of so many. */
const LEAST = 32;
const APART = 16;

/** The rows of a text of so many predicted tokens whose acceptance is measured: all of a short text, every 16th of a long one. */
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

/** Reads Σ_v max(0, p_full − p_plan) over the words of a slice, [n, P]; plan 0 is the full model. */
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
