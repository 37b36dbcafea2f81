/**
 * A product with a matrix in blocks on an engine, beside float64.
 *
 * A term is x · scale · (quant − zero); halved blocks of 8 bits add two, of which the smaller is at most 15 scales and the larger
 * that much more than the term. K terms of both, and sums of a block with its offset, are rounded at most K + size + 8 times each:
 * at accuracy level 4, x too, to half of 1/127 of the largest number of its block.
 */
import type { Engine } from "../../src/engine/mod.ts";
import { blockTensors, type StoredTypes } from "../../src/models/mod.ts";
import { fedWeights, linear } from "../../src/models/values/linear.ts";
import { createGraph, type Graph, type Lowering } from "../../src/onnx/mod.ts";
import { take, withUploaded } from "../../src/run/mod.ts";
import { type BlockMatrix, float32, middleOf, philox, type Tensor, widened } from "../../src/tensor/mod.ts";
import { type BlockKind } from "../quantised.ts";
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
export async function productErrors(
  engine: Engine,
  matrix: BlockMatrix,
  rows: readonly number[],
): Promise<number[]> {
  const { floats } = drawing(2);
  const bias = floats(matrix.shape[0]);
  const fed: [string, Tensor][] = [
    ...blockTensors("w.weight", matrix, engine.has.blocks),
    ["w.bias", float32([bias.length], bias)],
  ];
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

function worst(
  y: Float32Array,
  x: Float32Array,
  matrix: BlockMatrix,
  bias: Float32Array,
  { precision }: Engine,
): number {
  const [rows, columns] = matrix.shape;
  const { bits, size, scales, offsets } = matrix;
  const quants = widened({ ...matrix, offsets: null }).data as Float32Array;
  const whole = widened(matrix).data as Float32Array;
  const roundings = (columns + size + 8) * UNIT;
  let worst = 0;
  for (let i = 0; i < y.length; i++) {
    const row = Math.floor(i / rows), n = i % rows;
    let sum = bias[n], sizes = Math.abs(bias[n]), rounded = 0;
    for (let start = 0; start < columns; start += size) {
      const block = (n * columns + start) / size;
      const numbers = x.subarray(row * columns + start, row * columns + start + size);
      const step = Math.max(...numbers.map(Math.abs)) / 127;
      for (let k = 0; k < size; k++) {
        const at = n * columns + start + k;
        const extra = (bits === 8 ? 30 * Math.abs(scales[block]) : 0) + Math.abs(offsets?.[block] ?? 0);
        sum += numbers[k] * whole[at];
        sizes += Math.abs(numbers[k]) * (Math.abs(quants[at]) + extra);
        rounded += step / 2 * Math.abs(quants[at]);
      }
    }
    const most = roundings * sizes + (precision === "int8" ? rounded : 0);
    const share = Math.abs(y[i] - sum) / most;
    if (!(share <= worst)) worst = Number.isNaN(share) ? Infinity : share;
  }
  return worst;
}
