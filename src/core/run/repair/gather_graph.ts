/** The graph that makes the weighted sums of a batch, and how its bands of a symmetric matrix are put together. */
import type { Engine } from "../../engine/mod.ts";
import type { LayerModule } from "../../measure/mod.ts";
import { type FeedSpec, fitInput, type MixerSpec, type StoredTypes } from "../../models/mod.ts";
import { createGraph, type Graph, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { ranges } from "../../weights/mod.ts";

/** Where a fit is made. */
export interface GatherPlace {
  readonly layer: number;
  readonly module: LayerModule;
  readonly spec: MixerSpec | FeedSpec;
  /** Width P of the input, which is made from the stream; 0 sums the targets alone. */
  readonly inputs: number;
}

/** A part of the sums of a batch: of some tokens, and of some rows of Σ w u uᵀ. The other sums come with the first rows. */
export type Part = { readonly tokens: Range; readonly rows: Range };

/** From the first to before the last. */
type Range = readonly [number, number];

/**
 * Sums of the streams x, t and f over some tokens, each times its mask and its weight: one over its squared length in the stream that
 * is aimed at; without inputs all weigh alike. Products are float64 on the CPU.
 */
export function gatherGraph(
  { spec, module, inputs: P }: GatherPlace,
  hidden: number,
  stored: StoredTypes,
  { access, has }: Engine,
  { tokens: [first, end], rows }: Part,
): Graph {
  const graph = createGraph();
  const fed = (name: string, columns: number) =>
    op.Slice(graph.input(name, "f32", ["rows", columns]), first, end, 0);
  const x = fed("x", hidden);
  const [t, f, mask] = [fed("t", hidden), fed("f", hidden), fed("mask", 1)];
  const weight = P === 0 ? mask : op.Div(mask, op.ReduceSum(op.Mul(f, f), [1], 1));
  const dtype = access === null ? "f64" : "f32";
  const lowering = dtype === "f64" ? { ...has, products: "f32" } as const : has;
  const exact = (value: Value) => dtype === "f64" ? op.Cast(value, dtype) : value;
  const output = (name: string, value: Value) => graph.output(name, value, dtype);
  const w = exact(weight);
  const targets = exact(t);
  const weighted = op.Mul(targets, w);
  const isFirst = rows[0] === 0;
  if (isFirst) {
    output("sum_t", op.ReduceSum(weighted, [0]));
    output("tt", op.ReduceSum(op.Mul(weighted, targets), [0, 1]));
    output("w", op.ReduceSum(w, [0, 1]));
  }
  if (P === 0) return graph;
  const u = exact(fitInput(graph, x, spec, hidden, module, lowering, stored));
  const own = op.Mul(u, w);
  const product = (a: Value, b: Value) => op.Gemm(a, b, null, { transA: 1, transB: 0 });
  for (const [from, to] of bandsOf(rows)) {
    output(`uu.${from}`, product(op.Slice(own, from, to, 1), op.Slice(u, from, P, 1)));
  }
  if (isFirst) {
    output("sum_u", op.ReduceSum(own, [0]));
    output("tu", product(weighted, u));
  }
  return graph;
}

/** Rows of Σ u uᵀ in bands: of each the columns from its first row on are made, since the others mirror those above. */
export function bandsOf([top, bottom]: Range): Range[] {
  return [...ranges(top, bottom, Math.max(64, Math.ceil((bottom - top) / 6)))];
}

/** Adds rows [from, to) and columns [from, size) to a symmetric matrix, and their mirror image. */
export function addBand(
  sums: Float64Array,
  size: number,
  [from, to]: Range,
  own: Float32Array | Float64Array,
): void {
  const width = size - from;
  for (let row = from; row < to; row++) {
    const at = (row - from) * width - from;
    for (let column = from; column < size; column++) {
      sums[row * size + column] += own[at + column];
      if (column >= to) sums[column * size + row] += own[at + column];
    }
  }
}
