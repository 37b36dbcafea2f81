/**
 * Weights in blocks in a graph: x Wᵀ by MatMulNBits, W = scale · (quant − zero), and the sum of each block of x times the block's offset.
 * With 4 bits nothing is rounded that a product with the widened matrix would not round.
 *
 * A matrix NAME is fed as `NAME.quants` u8 [N, K/size, size · bits/8], `NAME.scales` f32 [N · K/size], and where it has them
 * `NAME.zeros` u8 and `NAME.offsets` f32 [N, K/size].
 *
 * The CPU has no fast float32 product with 8 bits, but one that rounds a block of x to 127 steps up and down. It gets x, what that
 * rounding leaves of it, and what is left of that, as rows of one product, and the three results are added: what is still left is at
 * most 254⁻³, half of float32's last digit, of the block's largest number. That product sums quants and zeros apart, which are larger
 * than their differences: logits of real models are some times as far off as float32 rounds them.
 */
import { type BlockLowering, type Graph, once, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import {
  type BlockFormat,
  type BlockMatrix,
  type DType,
  elements,
  float32,
  formatOf,
  middleOf,
  type Tensor,
} from "../../tensor/mod.ts";
import { watch } from "./watch.ts";

/** The accuracy level of products of bytes. */
const BYTES = 4;

/** How something is fed. */
type Stored = { readonly dtype: DType; readonly shape: readonly number[] };

/** What is fed, by name. */
export type StoredTypes = ReadonlyMap<string, Stored>;

/** A matrix [N, K] in blocks, as values of a graph. */
export interface BlockWeight {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly size: number;
  /** MatMulNBits's `accuracy_level`. */
  readonly level: number;
  /** Whether x is multiplied in three parts. */
  readonly isParted: boolean;
  readonly quants: Value;
  readonly scales: Value;
  /** Null for the middle. */
  readonly zeros: Value | null;
  readonly offsets: Value | null;
}

/** What is fed for a matrix, by name. */
export function blockTensors(name: string, matrix: BlockMatrix): [string, Tensor][] {
  const { bits, scales, offsets, shape, quants, zeros } = matrix;
  const data: Record<string, (size: number) => Tensor["data"]> = {
    quants: () => quants,
    zeros: (size) => filledZeros(zeros, bits, size),
    scales: () => scales,
    offsets: () => offsets!,
  };
  return storedBlocks(shape, formatOf(matrix)).map(([part, { dtype, shape }]) => [
    `${name}.${part}`,
    { dtype, shape, data: data[part](elements(shape)) },
  ]);
}

/** The parts in which a matrix [N, K] is fed, their types and shapes. Zeros are no part where all are the middle. */
export function storedBlocks(
  [rows, columns]: readonly number[],
  { bits, size, zero, hasOffsets }: BlockFormat,
): [part: string, Stored][] {
  const blocks = columns / size;
  const part = (name: string, dtype: DType, ...shape: number[]): [string, Stored] => [name, { dtype, shape }];
  return [
    part("quants", "u8", rows, blocks, size * bits / 8),
    ...zero === middleOf(bits) ? [] : [part("zeros", "u8", rows, Math.ceil(blocks * bits / 8))],
    part("scales", "f32", rows * blocks),
    ...hasOffsets ? [part("offsets", "f32", rows, blocks)] : [],
  ];
}

/** Zeros as MatMulNBits takes them, `size` bytes. */
function filledZeros(zeros: number | Uint8Array, bits: 4 | 8, size: number): Uint8Array {
  if (typeof zeros !== "number") return zeros;
  return new Uint8Array(size).fill(bits === 4 ? zeros | zeros << 4 : zeros);
}

/** The inputs of a matrix of K columns; null where it is not fed in blocks. */
export function blockInputs(
  graph: Graph,
  name: string,
  columns: number,
  stored: (part: string) => Stored | undefined,
  lowering: BlockLowering,
): BlockWeight | null {
  const quants = stored("quants");
  if (!quants) return null;
  const [rows, blocks, width] = quants.shape;
  const size = columns / blocks;
  const input = (part: string): Value | null => {
    const found = stored(part);
    return found ? graph.input(`${name}.${part}`, found.dtype, found.shape) : null;
  };
  const bits = width * 8 / size;
  const isParted = lowering.isParted && bits === 8;
  return {
    rows,
    columns,
    bits,
    size,
    level: isParted ? BYTES : lowering.level,
    isParted,
    quants: input("quants")!,
    scales: input("scales")!,
    zeros: input("zeros"),
    offsets: input("offsets"),
  };
}

/** x Wᵀ [N′, N] of x [N′, K], plus `added` of that shape or [N]. */
export function blockProduct(x: Value, weight: BlockWeight, added: Value | null): Value {
  const { rows: N, columns: K, size, offsets, isParted, level } = weight;
  if (level === BYTES) watch(x); // rounding would hide numbers that are not finite
  const product = isParted
    ? op.ReduceSum(op.Reshape(multiplied(parts(x, K, size), weight), [PARTS, -1, N]), [0])
    : multiplied(x, weight);
  const moved = offsets ? op.Gemm(blockSums(x, K / size, size), offsets, product) : product;
  return added ? op.Add(moved, added) : moved;
}

function multiplied(
  x: Value,
  { rows, columns, bits, size, level, quants, scales, zeros }: BlockWeight,
): Value {
  const attributes = { K: columns, N: rows, bits, block_size: size, accuracy_level: level };
  return op.MatMulNBits(x, quants, scales, zeros, attributes);
}

const PARTS = 3;

function parts(x: Value, columns: number, size: number): Value {
  return once(x.graph, `${x.name} in parts of ${size}`, () => {
    const whole = op.Reshape(x, [-1, size]);
    const left = op.Sub(whole, rounded(whole, size));
    const least = op.Sub(left, rounded(left, size));
    return op.Reshape(op.Concat([whole, left, least], 0), [-1, columns]);
  });
}

/** Blocks [N, size] as a product rounds them: that with the identity, which rounds nothing else. */
function rounded(blocks: Value, size: number): Value {
  const { graph } = blocks;
  const weight = once(graph, `identity ${size}`, (): BlockWeight => {
    const ones = Uint8Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
    return {
      rows: size,
      columns: size,
      bits: 8,
      size,
      level: BYTES,
      isParted: false,
      quants: graph.constant({ dtype: "u8", shape: [size, 1, size], data: ones }),
      scales: graph.constant(float32([size], new Float32Array(size).fill(1))),
      zeros: graph.constant({ dtype: "u8", shape: [size, 1], data: new Uint8Array(size) }),
      offsets: null,
    };
  });
  return multiplied(blocks, weight);
}

/** Columns up to which a sum over blocks is a product with ones and zeros: one operator, whose matrix stays in a core's cache. */
const SUMMED_BY_PRODUCT = 2048;

/** Sums of x [N, K] over its blocks, [N, K/size]; made once of each x. */
function blockSums(x: Value, blocks: number, size: number): Value {
  const columns = blocks * size;
  return once(x.graph, `${x.name} ${size}`, () => {
    if (columns > SUMMED_BY_PRODUCT) return op.ReduceSum(op.Reshape(x, [-1, blocks, size]), [2]);
    const ones = () => x.graph.constant(blockOnes(blocks, size));
    return op.Gemm(x, once(x.graph, `ones ${columns} ${size}`, ones));
  });
}

/** Ones where a column [K] is in a block: [K/size, K]. */
function blockOnes(blocks: number, size: number): Tensor {
  const columns = blocks * size;
  const data = Float32Array.from(
    { length: blocks * columns },
    (_, i) => Number(Math.floor(i % columns / size) === Math.floor(i / columns)),
  );
  return float32([blocks, columns], data);
}
