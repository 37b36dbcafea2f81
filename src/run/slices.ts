/** The head's matrix in slices of the vocabulary: the statistics of one, and how those of all are merged. */
import {
  ArgMax,
  createGraph,
  Exp,
  GatherElements,
  Gemm,
  type Graph,
  MatMul,
  ReduceSum,
  Reshape,
  Slice,
  softcap,
  Sub,
  Transpose,
} from "../onnx/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import type { ScoreSums } from "./targets.ts";

/** Plans and words of a graph; whether plans are compared with the first of them. */
interface SliceShape {
  readonly plans: number;
  readonly words: number;
  readonly compared: boolean;
}

/** Logits of P plans over S words: hidden [n, P, D], weight [S, D], target [n, P, 1] → statistics [n, P, …]. */
export function sliceGraph(
  hidden: number,
  { plans, words, compared }: SliceShape,
  cap: number | null,
): Graph {
  const graph = createGraph();
  const stream = graph.input("hidden", "f32", ["n", plans, hidden]);
  const weight = graph.input("weight", "f32", [words, hidden]);
  const target = graph.input("target", "i64", ["n", plans, 1]);
  const raw = Gemm(Reshape(stream, [-1, hidden]), weight);
  const z = Reshape(cap ? softcap(raw, cap) : raw, [-1, plans, words]);
  const best = ArgMax(z);
  const max = GatherElements(z, best, 2); // not every engine can reduce to a maximum
  const exp = Exp(Sub(z, max));
  graph.output("max", max);
  graph.output("sum", ReduceSum(exp, [2], 1));
  graph.output("best", best, "i64");
  graph.output("target_logit", GatherElements(z, target, 2));
  if (compared) {
    const full = Slice(z, 0, 1, 1);
    const weights = Transpose(Slice(exp, 0, 1, 1), [0, 2, 1]);
    graph.output("difference", MatMul(Sub(full, z), weights));
  }
  return graph;
}

/** Merges the slices' statistics of every position and plan; if `compared`, each plan is held against plan 0. */
export function merger(positions: number, plans: number, compared: boolean) {
  const size = positions * plans;
  const max = new Float64Array(size).fill(-Infinity);
  const sum = new Float64Array(size);
  const difference = new Float64Array(size);
  const best = new Int32Array(size);
  const logit = new Float64Array(size);
  return {
    /** Takes the statistics of words [start, end) at the positions from `first` on, which predict `tokens`. */
    add(
      first: number,
      start: number,
      end: number,
      tokens: Int32Array,
      outputs: Readonly<Record<string, Tensor>>,
    ) {
      const values = (name: string) => outputs[name].data as Float32Array;
      const own = { max: values("max"), sum: values("sum"), logit: values("target_logit") };
      const differences = compared ? values("difference") : null;
      const arg = outputs.best.data as BigInt64Array;
      for (let position = first; position < first + tokens.length; position++) {
        const token = tokens[position - first];
        const here = token >= start && token < end;
        const fullMax = own.max[(position - first) * plans];
        const fullBefore = max[position * plans];
        const fullAfter = Math.max(fullBefore, fullMax);
        for (let plan = 0; plan < plans; plan++) {
          const from = (position - first) * plans + plan;
          const to = position * plans + plan;
          const before = max[to];
          const after = Math.max(before, own.max[from]);
          if (own.max[from] > before) best[to] = start + Number(arg[from]);
          sum[to] = sum[to] * Math.exp(before - after) + own.sum[from] * Math.exp(own.max[from] - after);
          max[to] = after;
          if (here) logit[to] = own.logit[from];
          if (differences) {
            difference[to] = difference[to] * Math.exp(fullBefore - fullAfter) +
              differences[from] * Math.exp(fullMax - fullAfter);
          }
        }
      }
    },
    /** Sums for each plan by sample, `samples` saying whose each position is. */
    sums(samples: readonly number[]): Map<number, ScoreSums>[] {
      const logSum = (index: number) => max[index] + Math.log(sum[index]);
      return Array.from({ length: plans }, (_, plan) => {
        const totals = new Map<number, ScoreSums>();
        samples.forEach((sample, position) => {
          const total = totals.get(sample) ?? { nll: 0, kl: 0, top1: 0, tokens: 0 };
          totals.set(sample, total);
          const full = position * plans;
          const own = full + plan;
          total.nll += logSum(own) - logit[own];
          if (compared && plan > 0) total.kl += difference[own] / sum[full] - logSum(full) + logSum(own);
          if (compared) total.top1 += Number(best[own] === best[full]);
          total.tokens++;
        });
        return totals;
      });
    },
  };
}
