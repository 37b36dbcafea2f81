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

/** A matrix to be filled, all of whose zeros are one number. */
export function emptyMatrix(
  { bits, size, zero, hasOffsets }: BlockFormat & { readonly zero: number },
  shape: BlockMatrix["shape"],
  allocate = (length: number): Float32Array<ArrayBuffer> => new Float32Array(length),
): BlockMatrix {
  const count = shape[0] * shape[1];
  return {
    bits,
    size,
    shape,
    quants: bytesOf(allocate(count * bits / 32)),
    scales: allocate(count / size),
    zeros: zero,
    offsets: hasOffsets ? allocate(count / size) : null,
  };
}

export function formatOf({ bits, size, zeros, offsets }: BlockMatrix): BlockFormat {
  return { bits, size, zero: typeof zeros === "number" ? zeros : null, hasOffsets: offsets !== null };
}

/** The zero of symmetrical quants, which `MatMulNBits` takes where it is given none. */
export const middleOf = (bits: 4 | 8): number => 2 ** (bits - 1);

/**
 * The numbers as float32, each rounded once: the product of a scale and a quant is exact in float64. A sum with an offset is exact
 * before that where both are multiples of 2⁻²⁴ below 2²⁸, as those of GGML's types are.
 */
export function widened(matrix: BlockMatrix): Tensor {
  const { shape: [rows, columns] } = matrix;
  const out = new Float32Array(rows * columns);
  widen(matrix, out);
  return float32(matrix.shape, out);
}

/** Writes the same numbers to the start of an array. */
export function widen(matrix: BlockMatrix, out: Float32Array): void {
  const { bits, size, quants, scales, offsets } = matrix;
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
}

function zerosOf({ bits, size, shape: [, columns], zeros }: BlockMatrix): (block: number) => number {
  if (typeof zeros === "number") return () => zeros;
  if (bits === 8) return (block) => zeros[block];
  const perRow = columns / size, bytes = Math.ceil(perRow / 2); // a row ends with a whole byte
  return (block) => {
    const row = Math.floor(block / perRow), inRow = block - row * perRow;
    return zeros[row * bytes + (inRow >> 1)] >> 4 * (inRow & 1) & 15;
  };
}

type Numbers = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** The matrix of a shape in which arrays are made of those here; `until` has the numbers of a row's first columns in each. */
function withArrays(
  matrix: BlockMatrix,
  shape: BlockMatrix["shape"],
  made: <A extends Numbers>(array: A, until: (columns: number) => number) => A,
): BlockMatrix {
  const { bits, size, quants, scales, zeros, offsets } = matrix;
  const perBlock = (columns: number) => columns / size;
  return {
    ...matrix,
    shape,
    quants: made(quants, (columns) => columns * bits / 8),
    scales: made(scales, perBlock),
    zeros: typeof zeros === "number" ? zeros : made(zeros, (columns) => Math.ceil(columns / size * bits / 8)),
    offsets: offsets && made(offsets, perBlock),
  };
}

/** Rows [start, end): views of the same arrays. */
export function blockRows(matrix: BlockMatrix, start: number, end: number): BlockMatrix {
  const [rows, columns] = matrix.shape;
  return withArrays(matrix, [end - start, columns], <A extends Numbers>(array: A) => {
    const width = array.length / rows;
    return array.subarray(start * width, end * width) as A;
  });
}

/** Matrices of one width and format, one under the other: a copy. Their zeros are one number, or an array in each. */
export function stackedRows(matrices: readonly BlockMatrix[]): BlockMatrix {
  const [first] = matrices;
  const joined = <A extends Numbers>(of: (matrix: BlockMatrix) => A): A => {
    const arrays = matrices.map(of);
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
    quants: joined(({ quants }) => quants),
    scales: joined(({ scales }) => scales),
    zeros: typeof first.zeros === "number"
      ? first.zeros
      : joined(({ zeros }) => zeros as typeof first.quants),
    offsets: first.offsets && joined(({ offsets }) => offsets!),
  };
}

/** Rows in another order, or some of them: row i is the matrix's row `order[i]`. A copy, in arrays from `allocate`. */
export function orderedRows(
  matrix: BlockMatrix,
  order: ArrayLike<number>,
  allocate: (length: number) => Float32Array<ArrayBuffer> = (length) => new Float32Array(length),
): BlockMatrix {
  const [rows, columns] = matrix.shape;
  return withArrays(matrix, [order.length, columns], <A extends Numbers>(array: A) => {
    const width = array.length / rows;
    const length = order.length * width;
    const memory = allocate(Math.ceil(length * array.BYTES_PER_ELEMENT / 4));
    const out = (array instanceof Float32Array ? memory : bytesOf(memory).subarray(0, length)) as A;
    for (let i = 0; i < order.length; i++) {
      out.set(array.subarray(order[i] * width, (order[i] + 1) * width), i * width);
    }
    return out;
  });
}

/** Columns [start, end), a copy; null where they are not whole blocks, or where their zeros begin within a byte. */
export function blockColumns(matrix: BlockMatrix, start: number, end: number): BlockMatrix | null {
  const { shape: [rows, columns], size, bits, zeros } = matrix;
  const unit = typeof zeros === "number" ? size : size * 8 / bits;
  if (start % unit !== 0 || end % size !== 0) return null;
  return withArrays(
    matrix,
    [rows, end - start],
    <A extends Numbers>(array: A, until: (columns: number) => number) => {
      const [from, to, width] = [start, end, columns].map(until);
      const out = new (array.constructor as new (length: number) => A)(rows * (to - from));
      for (let row = 0; row < rows; row++) {
        out.set(array.subarray(row * width + from, row * width + to), row * (to - from));
      }
      return out;
    },
  );
}
