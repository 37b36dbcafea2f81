/**
 * A product with a matrix in blocks on an engine, beside float64.
 *
 * A term is x · scale · (quant − zero). K terms, and the sum of a block times its offset, are rounded at most K + size + 8 times each.
 * Products of bytes are exact within a block but sum quants and zeros, of up to 255, apart; K/size blocks are rounded. They round x to
 * half of 1/127 of the largest number of its block, and x in three parts (models/values/blocks.ts) to 254⁻³ of it.
 */
import { type Engine, take, withUploaded } from "core/engine/mod.ts";
import { blockTensors, fedWeights, linear, type StoredTypes } from "core/models/mod.ts";
import { createGraph, type Graph, type Lowering } from "core/onnx/mod.ts";
import { type BlockMatrix, float32, middleOf, philox, widened } from "core/tensor/mod.ts";
import type { BlockKind } from "../quantised.ts";
import { largest } from "../model.ts";
import { UNIT } from "../support.ts";

/** Numbers that are drawn, the same for the same seed. */
export function drawing(seed: number) {
  let index = 0;
  const next = () => philox([index++, 0, 0, 0], [seed, 0])[0];
  return {
    bytes: (length: number) => Uint8Array.from({ length }, () => next() & 255),
    floats: (length: number) => Float32Array.from({ length }, () => next() / 2 ** 31 - 1),
  };
}

/** A matrix of `rows` rows of `perRow` blocks, quants and zeros of any value. */
export function drawnMatrix(
  { bits, size, ownZeros, hasOffsets }: BlockKind,
  [rows, perRow]: readonly [number, number],
  seed = 1,
): BlockMatrix {
  const { bytes, floats } = drawing(seed);
  return {
    bits,
    size,
    shape: [rows, perRow * size],
    quants: bytes(rows * perRow * size * bits / 8),
    scales: floats(rows * perRow),
    zeros: ownZeros ? bytes(rows * Math.ceil(perRow * bits / 8)) : middleOf(bits),
    offsets: hasOffsets ? floats(rows * perRow) : null,
  };
}

/** x Wᵀ + b, where x has any number of rows. */
function productGraph(matrix: BlockMatrix, stored: StoredTypes, lowering: Lowering): Graph {
  const [rows, columns] = matrix.shape;
  const graph = createGraph();
  const x = graph.input("x", "f32", ["rows", columns]);
  const weights = fedWeights(graph, [["w.weight", [rows, columns]], ["w.bias", [rows]]], stored, lowering);
  graph.output("y", linear(x, "w", weights));
  return graph;
}

/** The largest error of a product as a share of what it may be, for each number of rows. */
export async function productErrors(engine: Engine, matrix: BlockMatrix, rows: readonly number[]) {
  const { floats } = drawing(2);
  const bias = floats(matrix.shape[0]);
  const fed = [...blockTensors("w.weight", matrix), ["w.bias", float32([bias.length], bias)] as const];
  const held = Object.fromEntries(fed.map(([name, tensor]) => [name, engine.upload(tensor)]));
  const program = await engine.compile(productGraph(matrix, new Map(fed), engine.has), held);
  const errors: number[] = [];
  try {
    for (const count of rows) {
      const x = floats(count * matrix.shape[1]);
      const input = { x: float32([count, matrix.shape[1]], x) };
      const { y } = await withUploaded(engine, input, (held) => program.run(held));
      errors.push(worst((await take(engine, y)).data as Float32Array, x, matrix, bias, engine));
    }
  } finally {
    await program.release();
    for (const one of Object.values(held)) one.free();
  }
  return errors;
}

function worst(y: Float32Array, x: Float32Array, matrix: BlockMatrix, bias: Float32Array, engine: Engine) {
  const { blocks } = engine.has;
  const [rows, columns] = matrix.shape;
  const { bits, size, scales, offsets } = matrix;
  const quants = widened({ ...matrix, offsets: null }).data as Float32Array;
  const whole = widened(matrix).data as Float32Array;
  const isParted = blocks.isParted && bits === 8;
  const areBytes = isParted || blocks.level === 4;
  const roundings = ((areBytes ? columns / size : columns) + size + 8) * UNIT;
  const lost = isParted ? 254 ** -3 : areBytes ? 1 / 254 : 0;
  /** The largest number of x by block. */
  const most = Float64Array.from(
    { length: x.length / size },
    (_, i) => largest(x.subarray(i * size, (i + 1) * size)),
  );
  let worst = 0;
  for (let i = 0; i < y.length; i++) {
    const row = Math.floor(i / rows), n = i % rows;
    let sum = bias[n], sizes = Math.abs(bias[n]), rounded = 0;
    for (let start = 0; start < columns; start += size) {
      const block = (n * columns + start) / size;
      const from = row * columns + start;
      const apart = areBytes ? 2 * (2 ** bits - 1) * Math.abs(scales[block]) : 0;
      const offset = apart + Math.abs(offsets?.[block] ?? 0);
      for (let k = 0; k < size; k++) {
        const at = n * columns + start + k;
        sum += x[from + k] * whole[at];
        sizes += Math.abs(x[from + k]) * (Math.abs(quants[at]) + offset);
        rounded += lost * most[from / size] * Math.abs(quants[at]);
      }
    }
    const share = Math.abs(y[i] - sum) / (roundings * sizes + rounded);
    if (!(share <= worst)) worst = Number.isNaN(share) ? Infinity : share;
  }
  return worst;
}
