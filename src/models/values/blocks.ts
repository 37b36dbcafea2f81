/**
 * Weights in blocks in a graph: x Wᵀ by MatMulNBits, W = scale · (quant − zero), and the sum of each block of x times the block's offset.
 * Nothing is rounded that a product with the widened matrix would not round.
 *
 * A matrix NAME is fed as `NAME.quants` u8 [N, K/size, size · bits/8], `NAME.scales` f32 [N · K/size], and where it has them
 * `NAME.zeros` u8 and `NAME.offsets` f32 [N, K/size]. Halved blocks of 8 bits, quant = 16 · upper + lower, are two of 4 bits with the same
 * scales: `quants` and `zeros` are the upper halves', `NAME.lower` and `NAME.lower_zeros` the others'.
 */
import {
  type BlockLowering,
  Gemm,
  type Graph,
  MatMulNBits,
  Mul,
  ReduceSum,
  Reshape,
  scalar,
  type Value,
} from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { type BlockMatrix, type DType, float32, middleOf, type Tensor } from "../../tensor/mod.ts";
import { once } from "./once.ts";

/** How something is fed. */
export interface Stored {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** What is fed, by name. */
export type StoredTypes = ReadonlyMap<string, Stored>;

/** A matrix [N, K] in blocks, as values of a graph. */
export interface BlockWeight {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly size: number;
  readonly level: number;
  readonly scales: Value;
  /** Quants and their zeros, null for the middle; of halved blocks the upper halves, then the lower ones. */
  readonly parts: readonly (readonly [quants: Value, zeros: Value | null])[];
  readonly offsets: Value | null;
}

/** What is fed for a matrix, by name. */
export function blockTensors(
  name: string,
  matrix: BlockMatrix,
  { isHalved }: Pick<BlockLowering, "isHalved">,
): [string, Tensor][] {
  const { scales, offsets, shape, size } = matrix;
  const [rows, columns] = shape;
  const blocks = columns / size;
  const parts: [string, Tensor][] = isHalved && matrix.bits === 8 ? halves(name, matrix) : [
    [`${name}.quants`, bytes([rows, blocks, size * matrix.bits / 8], matrix.quants)],
    ...zerosOf(`${name}.zeros`, matrix, matrix.bits, matrix.zeros),
  ];
  return [
    ...parts,
    [`${name}.scales`, float32([rows * blocks], scales)],
    ...offsets ? [[`${name}.offsets`, float32([rows, blocks], offsets)] as [string, Tensor]] : [],
  ];
}

function bytes(shape: readonly number[], data: Uint8Array): Tensor {
  return { dtype: "u8", shape, data };
}

/** Zeros as MatMulNBits takes them; none where all are the middle. */
function zerosOf(
  name: string,
  { shape: [rows, columns], size }: BlockMatrix,
  bits: 4 | 8,
  zeros: number | Uint8Array,
): [string, Tensor][] {
  if (zeros === middleOf(bits)) return [];
  const perRow = Math.ceil(columns / size * bits / 8);
  const data = typeof zeros === "number"
    ? new Uint8Array(rows * perRow).fill(bits === 4 ? zeros | zeros << 4 : zeros)
    : zeros;
  return [[name, bytes([rows, perRow], data)]];
}

/** Blocks of 8 bits as two of 4. */
function halves(name: string, matrix: BlockMatrix): [string, Tensor][] {
  const { shape: [rows, columns], size, quants, zeros } = matrix;
  const blocks = columns / size;
  const shape = [rows, blocks, size / 2];
  const [upper, lower] = parted(quants);
  const ofZeros = typeof zeros === "number" ? [zeros >> 4, zeros & 15] : partedRows(zeros, rows);
  return [
    [`${name}.quants`, bytes(shape, upper)],
    ...zerosOf(`${name}.zeros`, matrix, 4, ofZeros[0]),
    [`${name}.lower`, bytes(shape, lower)],
    ...zerosOf(`${name}.lower_zeros`, matrix, 4, ofZeros[1]),
  ];
}

/** The upper and the lower halves of bytes, two in a byte; the length is even. */
function parted(quants: Uint8Array): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const upper = new Uint8Array(quants.length / 2), lower = new Uint8Array(quants.length / 2);
  for (let i = 0, at = 0; i < upper.length; i++, at += 2) {
    const first = quants[at], second = quants[at + 1];
    upper[i] = first >> 4 | second & 240;
    lower[i] = first & 15 | (second & 15) << 4;
  }
  return [upper, lower];
}

/** The same of rows that may have an odd length. */
function partedRows(zeros: Uint8Array, rows: number): [Uint8Array, Uint8Array] {
  const width = zeros.length / rows;
  if (width % 2 === 0) return parted(zeros);
  const even = new Uint8Array(rows * (width + 1));
  for (let row = 0; row < rows; row++) {
    even.set(zeros.subarray(row * width, (row + 1) * width), row * (width + 1));
  }
  return parted(even);
}

/** The inputs of a matrix of K columns; null where it is not fed in blocks. */
export function blockInputs(
  graph: Graph,
  name: string,
  columns: number,
  stored: (part: string) => Stored | undefined,
  { level }: BlockLowering,
): BlockWeight | null {
  const quants = stored("quants");
  if (!quants) return null;
  const [rows, blocks, width] = quants.shape;
  const size = columns / blocks;
  const input = (part: string): Value | null => {
    const found = stored(part);
    return found ? graph.input(`${name}.${part}`, found.dtype, found.shape) : null;
  };
  const upper = [input("quants")!, input("zeros")] as const;
  const lower = input("lower");
  return {
    rows,
    columns,
    bits: width * 8 / size,
    size,
    level,
    parts: lower ? [upper, [lower, input("lower_zeros")]] : [upper],
    scales: input("scales")!,
    offsets: input("offsets"),
  };
}

/** x Wᵀ [N′, N] of x [N′, K], plus `added` of that shape or [N]. */
export function blockProduct(x: Value, weight: BlockWeight, added: Value | null): Value {
  const { rows: N, columns: K, bits, size, level, parts, scales, offsets } = weight;
  const [first, second] = parts.map(([quants, zeros]) =>
    MatMulNBits(x, quants, scales, zeros, { K, N, bits, block_size: size, accuracy_level: level })
  );
  const product = second ? op.Add(Mul(first, scalar(x.graph, 16)), second) : first;
  const moved = offsets ? Gemm(blockSums(x, K / size, size), offsets, product) : product;
  return added ? op.Add(moved, added) : moved;
}

/** Columns up to which a sum over blocks is a product with ones and zeros: one operator, whose matrix stays in a core's cache. */
const SUMMED_BY_PRODUCT = 2048;

/** Sums of x [N, K] over its blocks, [N, K/size]; made once of each x. */
function blockSums(x: Value, blocks: number, size: number): Value {
  const columns = blocks * size;
  return once(
    x.graph,
    `${x.name} ${size}`,
    () =>
      columns > SUMMED_BY_PRODUCT
        ? ReduceSum(Reshape(x, [-1, blocks, size]), [2])
        : Gemm(x, once(x.graph, `ones ${columns} ${size}`, () => x.graph.constant(blockOnes(blocks, size)))),
  );
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
