/**
 * Matrices in blocks: whole numbers of four or eight bits that share a scale, as quantised checkpoints store them and as
 * `MatMulNBits` (ONNX Runtime, ContribOperators) multiplies with them.
 */
import { bytesOf, float32, type Tensor } from "./tensor.ts";

/** What blocks look like, whatever numbers they hold. */
export interface BlockFormat {
  /** Bits of a quant. */
  readonly bits: 4 | 8;
  /** A block has this many numbers, all in one row: a power of two, at least 16. */
  readonly size: number;
  /** The quant that means 0 in all blocks; null where each has its own. */
  readonly zero: number | null;
  /** Whether every block has an offset. */
  readonly hasOffsets: boolean;
}

/** A matrix [N, K] in blocks along its rows; K is a multiple of their size. A number is scale · (quant − zero) + offset. */
export interface BlockMatrix {
  readonly bits: 4 | 8;
  readonly size: number;
  readonly shape: readonly [rows: number, columns: number];
  /** [N, K · bits / 8]; a byte of two quants has the first in its lower half. */
  readonly quants: Uint8Array<ArrayBuffer>;
  /** [N, K / size]. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** The quant that means 0, in all blocks alike or in each: [N, ⌈K / size · bits / 8⌉], packed as quants are. */
  readonly zeros: number | Uint8Array<ArrayBuffer>;
  /** [N, K / size]; null where all are 0. */
  readonly offsets: Float32Array<ArrayBuffer> | null;
}

/** The format of a matrix. */
export function formatOf({ bits, size, zeros, offsets }: BlockMatrix): BlockFormat {
  return { bits, size, zero: typeof zeros === "number" ? zeros : null, hasOffsets: offsets !== null };
}

/** The zero of symmetrical quants, which `MatMulNBits` takes where it is given none. */
export function middleOf(bits: 4 | 8): number {
  return 2 ** (bits - 1);
}

/**
 * The numbers as float32, each rounded once: the product of a scale and a quant is exact in float64. A sum with an offset is exact
 * before that where both are multiples of 2⁻²⁴ below 2²⁸, as those of GGML's types are.
 */
export function widened(matrix: BlockMatrix): Tensor {
  const { bits, size, shape: [rows, columns], quants, scales, offsets } = matrix;
  const out = new Float32Array(rows * columns);
  const zeroAt = zerosOf(matrix);
  for (let block = 0, i = 0; block < scales.length; block++) {
    const scale = scales[block], offset = offsets ? offsets[block] : -0; // a zero keeps its sign
    const zero = zeroAt(block), end = i + size;
    if (bits === 8) {
      for (; i < end; i++) out[i] = scale * (quants[i] - zero) + offset;
    } else {
      for (; i < end; i += 2) {
        const both = quants[i >> 1];
        out[i] = scale * ((both & 15) - zero) + offset;
        out[i + 1] = scale * ((both >> 4) - zero) + offset;
      }
    }
  }
  return float32(matrix.shape, out);
}

/** The zero of each block. */
function zerosOf({ bits, size, shape: [, columns], zeros }: BlockMatrix): (block: number) => number {
  if (typeof zeros === "number") return () => zeros;
  if (bits === 8) return (block) => zeros[block];
  const perRow = columns / size, bytes = Math.ceil(perRow / 2); // a row ends with a whole byte
  return (block) => {
    const row = Math.floor(block / perRow), inRow = block - row * perRow;
    return zeros[row * bytes + (inRow >> 1)] >> 4 * (inRow & 1) & 15;
  };
}

/** Rows [start, end): views of the same arrays. */
export function blockRows(matrix: BlockMatrix, start: number, end: number): BlockMatrix {
  const rows = matrix.shape[0];
  const part = <A extends Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(array: A): A => {
    const width = array.length / rows;
    return array.subarray(start * width, end * width) as A;
  };
  return {
    ...matrix,
    shape: [end - start, matrix.shape[1]],
    quants: part(matrix.quants),
    scales: part(matrix.scales),
    zeros: typeof matrix.zeros === "number" ? matrix.zeros : part(matrix.zeros),
    offsets: matrix.offsets && part(matrix.offsets),
  };
}

/** Matrices of one width and format, one under the other: a copy. Their zeros are one number, or an array in each. */
export function stackedRows(matrices: readonly BlockMatrix[]): BlockMatrix {
  const [first] = matrices;
  const joined = <A extends Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(arrays: readonly A[]): A => {
    const length = arrays.reduce((sum, { length }) => sum + length, 0);
    const out = new (arrays[0].constructor as new (length: number) => A)(length);
    let at = 0;
    for (const array of arrays) {
      out.set(array, at);
      at += array.length;
    }
    return out;
  };
  return {
    ...first,
    shape: [matrices.reduce((sum, { shape: [rows] }) => sum + rows, 0), first.shape[1]],
    quants: joined(matrices.map(({ quants }) => quants)),
    scales: joined(matrices.map(({ scales }) => scales)),
    zeros: typeof first.zeros === "number"
      ? first.zeros
      : joined(matrices.map(({ zeros }) => zeros as Uint8Array<ArrayBuffer>)),
    offsets: first.offsets && joined(matrices.map(({ offsets }) => offsets!)),
  };
}

/** Rows in another order, or some of them: row i is the matrix's row `order[i]`. A copy, in arrays from `allocate`. */
export function orderedRows(
  matrix: BlockMatrix,
  order: ArrayLike<number>,
  allocate: (length: number) => Float32Array<ArrayBuffer> = (length) => new Float32Array(length),
): BlockMatrix {
  const rows = matrix.shape[0];
  const taken = <A extends Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(array: A): A => {
    const width = array.length / rows;
    const length = order.length * width;
    const memory = allocate(Math.ceil(length * array.BYTES_PER_ELEMENT / 4));
    const out = (array instanceof Float32Array ? memory : bytesOf(memory).subarray(0, length)) as A;
    for (let i = 0; i < order.length; i++) {
      out.set(array.subarray(order[i] * width, (order[i] + 1) * width), i * width);
    }
    return out;
  };
  return {
    ...matrix,
    shape: [order.length, matrix.shape[1]],
    quants: taken(matrix.quants),
    scales: taken(matrix.scales),
    zeros: typeof matrix.zeros === "number" ? matrix.zeros : taken(matrix.zeros),
    offsets: matrix.offsets && taken(matrix.offsets),
  };
}

/** Columns [start, end), a copy; null where they are not whole blocks, or where their zeros begin within a byte. */
export function blockColumns(matrix: BlockMatrix, start: number, end: number): BlockMatrix | null {
  const { shape: [rows, columns], size, bits, zeros } = matrix;
  const ownZeros = typeof zeros !== "number";
  const isWhole = start % (ownZeros ? size * 8 / bits : size) === 0 && end % size === 0;
  if (!isWhole) return null;
  /** Of an array in which a row's elements for the columns before one are `until(column)`. */
  const part = <A extends Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(
    array: A,
    until: (column: number) => number,
  ): A => {
    const [from, to, width] = [start, end, columns].map(until);
    const out = new (array.constructor as new (length: number) => A)(rows * (to - from));
    for (let row = 0; row < rows; row++) {
      out.set(array.subarray(row * width + from, row * width + to), row * (to - from));
    }
    return out;
  };
  const inBlocks = (column: number) => column / size;
  return {
    ...matrix,
    shape: [rows, end - start],
    quants: part(matrix.quants, (column) => column * bits / 8),
    scales: part(matrix.scales, inBlocks),
    zeros: ownZeros ? part(zeros, (column) => Math.ceil(column / size * bits / 8)) : zeros,
    offsets: matrix.offsets && part(matrix.offsets, inBlocks),
  };
}

/** Bytes that a matrix takes. */
export function blockBytes({ quants, scales, zeros, offsets }: BlockMatrix): number {
  const own = typeof zeros === "number" ? 0 : zeros.byteLength;
  return quants.byteLength + scales.byteLength + own + (offsets?.byteLength ?? 0);
}
