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
  lowering: Pick<BlockLowering, "isHalved">,
): [string, Tensor][] {
  const { bits, scales, offsets, shape, quants, zeros } = matrix;
  const halves = isInHalves(matrix, lowering);
  const [upper, lower] = halves ? parted(quants) : [quants];
  const [upperZeros, lowerZeros] = halves ? partedZeros(zeros, shape[0]) : [zeros];
  const own = halves ? 4 : bits;
  const data: Record<string, (size: number) => Tensor["data"]> = {
    quants: () => upper,
    zeros: (size) => filledZeros(upperZeros, own, size),
    lower: () => lower!,
    lower_zeros: (size) => filledZeros(lowerZeros!, own, size),
    scales: () => scales,
    offsets: () => offsets!,
  };
  return storedBlocks(shape, formatOf(matrix), lowering).map(([part, { dtype, shape }]) => [
    `${name}.${part}`,
    { dtype, shape, data: data[part](elements(shape)) },
  ]);
}

/** The parts in which a matrix [N, K] is fed, their types and shapes. Zeros are no part where all are the middle. */
export function storedBlocks(
  [rows, columns]: readonly number[],
  format: BlockFormat,
  lowering: Pick<BlockLowering, "isHalved">,
): [part: string, Stored][] {
  const { size, zero, hasOffsets } = format;
  const halves = isInHalves(format, lowering);
  const bits = halves ? 4 : format.bits;
  const blocks = columns / size;
  const part = (name: string, dtype: DType, ...shape: number[]): [string, Stored] => [name, { dtype, shape }];
  const quants = (name: string) => part(name, "u8", rows, blocks, size * bits / 8);
  const zeros = (name: string, zero: number | null) =>
    zero === middleOf(bits) ? [] : [part(name, "u8", rows, Math.ceil(blocks * bits / 8))];
  const [upperZero, lowerZero] = halves && zero !== null ? halvesOf(zero) : [zero, zero];
  return [
    quants("quants"),
    ...zeros("zeros", upperZero),
    ...halves ? [quants("lower"), ...zeros("lower_zeros", lowerZero)] : [],
    part("scales", "f32", rows * blocks),
    ...hasOffsets ? [part("offsets", "f32", rows, blocks)] : [],
  ];
}

/** Whether blocks of 8 bits are fed as two of 4. */
function isInHalves({ bits }: Pick<BlockFormat, "bits">, { isHalved }: Pick<BlockLowering, "isHalved">) {
  return isHalved && bits === 8;
}

/** Zeros as MatMulNBits takes them, in so many bytes. */
function filledZeros(zeros: number | Uint8Array, bits: 4 | 8, size: number): Uint8Array {
  if (typeof zeros !== "number") return zeros;
  return new Uint8Array(size).fill(bits === 4 ? zeros | zeros << 4 : zeros);
}

const halvesOf = (byte: number) => [byte >> 4, byte & 15] as const;

function partedZeros(zeros: number | Uint8Array, rows: number) {
  return typeof zeros === "number" ? halvesOf(zeros) : partedRows(zeros, rows);
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

const sums = new WeakMap<Graph, Map<string, Value>>();

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

/** A value that a graph has once. */
function once(graph: Graph, key: string, make: () => Value): Value {
  if (!sums.has(graph)) sums.set(graph, new Map());
  const known = sums.get(graph)!;
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
