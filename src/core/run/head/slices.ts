/** The head's matrix in slices of the vocabulary: the statistics of one, and how those of all are merged. */
import { createGraph, type Graph, softcap } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { Rows } from "./head.ts";

/** Rows of a stream to be scored, and the tokens that each predicts. */
export interface Targets {
  /** Distinct rows [n]. */
  readonly rows: Int32Array;
  /** Tokens [m], and of each which of the rows predicts it (an index, ascending); every row predicts one at least. */
  readonly tokens: Int32Array;
  readonly of: Int32Array;
}

/** One plan's predictions, over the targets of all streams, one after the other. */
export interface Scores {
  /** −ln p(token) of each token, nats. */
  readonly nll: Float64Array;
  /** Whether each token is the most probable one of its row. */
  readonly best: Uint8Array;
  /** KL(p_full ‖ p_plan) of each row, nats. */
  readonly kl: Float64Array;
  /** Whether each row's most probable token is also the full model's. */
  readonly agrees: Uint8Array;
}

/** What is read of rows that have no targets: their logits, or the numbers that describe their distributions. */
export type Reading = { readonly logits: boolean; readonly shape: boolean };

/** A head, and how many plans have it. */
type HeadShape = { readonly plans: number; readonly hidden: number; readonly cap: number | null };

/** Plans and words of a graph; whether plans are compared with the first of them. */
interface SliceShape {
  readonly plans: number;
  readonly words: number;
  readonly compared: boolean;
  readonly reading?: Reading;
}

/**
 * Logits of P plans over S words: of each head, hidden [n, P, D] and weight [S, D], numbered where there are several; C words each,
 * target [n, P, C] → statistics [n, P, …]. A reading has no targets, and gives logits [n · P, S] or Σ e^(z − max) · (z − max).
 */
export function sliceGraph(
  heads: readonly HeadShape[],
  { plans, words, compared, reading }: SliceShape,
): Graph {
  const graph = createGraph();
  const logits = heads.map(({ plans, hidden, cap }, i) => {
    const name = (of: string) => heads.length > 1 ? `${of}${i}` : of;
    const stream = graph.input(name("hidden"), "f32", ["n", plans, hidden]);
    const weight = graph.input(name("weight"), "f32", [words, hidden]);
    const raw = op.Gemm(op.Reshape(stream, [-1, hidden]), weight);
    return cap ? softcap(raw, cap) : raw;
  });
  if (reading?.logits) graph.output("logits", logits[0]);
  if (reading && !reading.shape) return graph;
  const parts = logits.map((own, i) => op.Reshape(own, [-1, heads[i].plans, words]));
  const z = parts.length > 1 ? op.Concat(parts, 1) : parts[0];
  const best = op.ArgMax(z);
  const max = op.GatherElements(z, best, 2); // not every engine can reduce to a maximum
  const below = op.Sub(z, max);
  const exp = op.Exp(below);
  graph.output("max", max);
  graph.output("sum", op.ReduceSum(exp, [2], 1));
  graph.output("best", best, "i64");
  if (reading) graph.output("weighted", op.ReduceSum(op.Mul(exp, below), [2], 1));
  else {
    const target = graph.input("target", "i64", ["n", plans, "c"]);
    graph.output("target_logit", op.GatherElements(z, target, 2));
  }
  if (compared && plans > 1) { // of logits below their maxima: what they have in common would cost digits
    const full = op.Slice(below, 0, 1, 1);
    const own = op.Slice(exp, 0, 1, 1);
    const weights = op.Transpose(own, [0, 2, 1]);
    graph.output("excess", op.ReduceSum(op.Sub(exp, own), [2], 1));
    graph.output("difference", op.MatMul(op.Sub(full, below), weights));
  }
  return graph;
}

/**
 * Merges the slices' statistics of `rows` rows, which predict `count` tokens, under P plans. In what is kept of rows or of tokens,
 * those of a plan lie together. If `compared`, each plan is held against plan 0.
 */
export function merger(
  rows: number,
  count: number,
  { plans, compared, reading }: Omit<SliceShape, "words">,
) {
  const size = rows * plans;
  const max = new Float64Array(size).fill(-Infinity);
  const sum = new Float64Array(size);
  const difference = new Float64Array(size);
  const beside = new Float64Array(size);
  const weighted = new Float64Array(reading ? size : 0);
  const best = new Int32Array(size);
  const logit = new Float64Array(count * plans);
  const rowOf = new Int32Array(count);
  const token = new Int32Array(count);

  function addRow(from: Statistics, row: number, to: number, start: number): void {
    const fullMax = from.max[row * plans];
    const fullBefore = max[to];
    const fullAfter = Math.max(fullBefore, fullMax);
    for (let plan = 0; plan < plans; plan++) {
      const own = row * plans + plan;
      const at = plan * rows + to;
      const before = max[at];
      const after = Math.max(before, from.max[own]);
      if (from.max[own] > before) best[at] = start + Number(from.best[own]);
      if (from.weighted) {
        weighted[at] = lowered(weighted[at], sum[at], before - after) +
          lowered(from.weighted[own], from.sum[own], from.max[own] - after);
      }
      const [was, is] = [Math.exp(before - after), Math.exp(from.max[own] - after)];
      sum[at] = sum[at] * was + from.sum[own] * is;
      if (from.excess) beside[at] = beside[at] * was + besideFull(from, own, row * plans) * is;
      max[at] = after;
      if (from.difference) {
        const found = from.difference[own] + (fullMax - from.max[own]) * from.sum[row * plans];
        difference[at] = difference[at] * Math.exp(fullBefore - fullAfter) +
          found * Math.exp(fullMax - fullAfter);
      }
    }
  }

  function addTokens(
    from: Statistics,
    { tokens, of, columns, most }: Asked,
    { row, target }: Start,
    [start, end]: Rows,
  ): void {
    for (let i = 0; i < tokens.length; i++) {
      rowOf[target + i] = row + of[i];
      token[target + i] = tokens[i];
      if (tokens[i] < start || tokens[i] >= end) continue;
      for (let plan = 0; plan < plans; plan++) {
        logit[plan * count + target + i] = from.logit[(of[i] * plans + plan) * most + columns[i]];
      }
    }
  }

  const logSum = (index: number) => max[index] + Math.log(sum[index]);

  return {
    best,
    /** The entropies of readings, ln S − W / S. */
    entropies: () => Float32Array.from(weighted, (own, i) => Math.max(0, Math.log(sum[i]) - own / sum[i])), // rounding may leave −1e-9
    /** Takes the statistics of some words at some targets, which begin at `at` among all. */
    add(targets: Asked, at: Start, words: Rows, outputs: Readonly<Record<string, Tensor>>) {
      const from = statisticsOf(outputs);
      for (let row = 0; row < targets.rows.length; row++) addRow(from, row, at.row + row, words[0]);
      addTokens(from, targets, at, words);
    },
    /** The scores of each plan. */
    scores(): Scores[] {
      return Array.from({ length: plans }, (_, plan) => {
        const row = (i: number) => plan * rows + i;
        return {
          nll: Float64Array.from(token, (_, i) => logSum(row(rowOf[i])) - logit[plan * count + i]),
          best: Uint8Array.from(token, (id, i) => Number(best[row(rowOf[i])] === id)),
          kl: Float64Array.from({ length: rows }, (_, i) => {
            const own = row(i);
            if (plan === 0 || !compared) return 0;
            return difference[own] / sum[i] - logSum(i) + (max[own] + Math.log(beside[own])); // 0 where they are equal
          }),
          agrees: Uint8Array.from({ length: rows }, (_, i) => Number(compared && best[row(i)] === best[i])),
        };
      });
    },
  };
}

/**
 * Σ exp of a plan for its divergence: near the full model, the full model's and how much more it is, so that their quotient has no error of
 * either sum. Losses have the plan's own sum, which depends on nothing beside it.
 */
function besideFull({ sum, excess }: Statistics, own: number, full: number): number {
  return excess && 2 * sum[own] > sum[full] ? sum[full] + excess[own] : sum[own];
}

/** Σ e^(z − M) · (z − M) below an M that is larger by −`by`: (W + S · by) · e^by. */
function lowered(weighted: number, sum: number, by: number): number {
  return sum > 0 ? (weighted + sum * by) * Math.exp(by) : 0;
}

/** Where some rows and their targets begin. */
type Start = { readonly row: number; readonly target: number };

/** The statistics of a slice's rows; `difference` where there are plans to hold against the full model, `weighted` of readings. */
interface Statistics {
  readonly max: Float32Array;
  readonly sum: Float32Array;
  readonly logit: Float32Array;
  readonly best: BigInt64Array;
  readonly difference: Float32Array | undefined;
  readonly excess: Float32Array | undefined;
  readonly weighted: Float32Array | undefined;
}

function statisticsOf(outputs: Readonly<Record<string, Tensor>>): Statistics {
  const values = (name: string) => outputs[name]?.data as Float32Array;
  return {
    max: values("max"),
    sum: values("sum"),
    logit: values("target_logit"),
    best: outputs.best.data as BigInt64Array,
    difference: values("difference"),
    excess: values("excess"),
    weighted: values("weighted"),
  };
}

/** Targets, and where each stands among those of its row. */
export interface Asked extends Targets {
  readonly columns: Int32Array;
  /** The most targets that a row has. */
  readonly most: number;
}

/** Numbers the targets of each row. */
export function inColumns(targets: Targets): Asked {
  const seen = new Int32Array(targets.rows.length);
  const columns = targets.of.map((row) => seen[row]++);
  return { ...targets, columns, most: seen.reduce((a, b) => Math.max(a, b), 1) };
}
