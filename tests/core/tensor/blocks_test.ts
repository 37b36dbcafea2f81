/** Parts of a matrix in blocks are the same parts of its numbers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  blockColumns,
  type BlockMatrix,
  blockRows,
  formatOf,
  orderedRows,
  philox,
  stackedRows,
  widened,
} from "core/tensor/mod.ts";
import { bits } from "./bits.ts";

const drawing = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const),
  size: fc.constantFrom(16, 32, 64),
  rows: fc.integer({ min: 1, max: 5 }),
  perRow: fc.integer({ min: 1, max: 7 }),
  seed: fc.nat(),
  ownZeros: fc.boolean(),
  hasOffsets: fc.boolean(),
});

type Drawn = typeof drawing extends fc.Arbitrary<infer Matrix> ? Matrix : never;

/** A matrix with quants and zeros of any value; scales and offsets are multiples of 2⁻¹⁰ below 2⁻². */
function matrixOf({ bits, size, rows, perRow, seed, ownZeros, hasOffsets }: Drawn): BlockMatrix {
  let index = 0;
  const next = () => philox([index++, 0, 0, 0], [seed, 0])[0];
  const bytes = (length: number) => Uint8Array.from({ length }, () => next() & 255);
  const floats = (length: number) => Float32Array.from({ length }, () => (next() & 255) / 1024 - 0.125);
  const columns = perRow * size;
  return {
    bits,
    size,
    shape: [rows, columns],
    quants: bytes(rows * columns * bits / 8),
    scales: floats(rows * perRow),
    zeros: ownZeros ? bytes(rows * Math.ceil(perRow * bits / 8)) : 8,
    offsets: hasOffsets ? floats(rows * perRow) : null,
  };
}

/** The number at a place, by the definition. */
function numberAt(matrix: BlockMatrix, row: number, column: number) {
  const { bits, size, shape, quants, scales, zeros, offsets } = matrix;
  const perRow = shape[1] / size, block = Math.floor(column / size);
  const packed = (array: Uint8Array, width: number, i: number) =>
    bits === 8 ? array[row * width + i] : array[row * width + Math.floor(i / 2)] / (i % 2 ? 16 : 1) & 15;
  const quant = packed(quants, shape[1] * bits / 8, column);
  const zero = typeof zeros === "number" ? zeros : packed(zeros, Math.ceil(perRow * bits / 8), block);
  return scales[row * perRow + block] * (quant - zero) + (offsets?.[row * perRow + block] ?? -0); // a zero keeps its sign
}

/** Some of a matrix's numbers: rows, and columns [start, end). */
function cutOut(matrix: BlockMatrix, rows: readonly number[], start: number, end: number): Float32Array {
  const numbers = widened(matrix).data, columns = matrix.shape[1];
  const cut = rows.map((row) => [...numbers.slice(row * columns + start, row * columns + end)] as number[]);
  return Float32Array.from(cut.flat());
}

function assertSame(found: BlockMatrix, expected: Float32Array): void {
  const { shape, data } = widened(found);
  assert.deepEqual(shape, found.shape);
  assert.deepEqual(bits(data as Float32Array), bits(expected));
}

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** A matrix, and a part of [0, length): `of` says of what the length is. */
function partOf(of: (matrix: Drawn) => number) {
  return drawing.chain((drawn) => {
    const end = fc.integer({ min: 0, max: of(drawn) });
    return fc.tuple(end, end).map(([a, b]) => [drawn, Math.min(a, b), Math.max(a, b)] as const);
  });
}

Deno.test("widened numbers are the definition's", () => {
  fc.assert(fc.property(drawing, (drawn) => {
    const matrix = matrixOf(drawn), { data } = widened(matrix);
    const [rows, columns] = matrix.shape;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        assert.equal(data[row * columns + column], Math.fround(numberAt(matrix, row, column)));
      }
    }
  }));
});

Deno.test("rows are views of the same arrays", () => {
  fc.assert(fc.property(partOf(({ rows }) => rows), ([drawn, start, end]) => {
    const matrix = matrixOf(drawn), part = blockRows(matrix, start, end);
    assertSame(part, cutOut(matrix, range(start, end), 0, matrix.shape[1]));
    assert.deepEqual(formatOf(part), formatOf(matrix));
    assert.equal(part.quants.buffer, matrix.quants.buffer);
  }));
});

Deno.test("rows that are cut apart and stacked are the matrix", () => {
  fc.assert(fc.property(partOf(({ rows }) => rows), ([drawn, start, end]) => {
    const matrix = matrixOf(drawn);
    const parts = [[0, start], [start, end], [end, drawn.rows]] as const;
    const found = stackedRows(parts.map(([from, to]) => blockRows(matrix, from, to)));
    assert.deepEqual(found, matrix);
  }));
});

Deno.test("rows in any order, more than once or not at all", () => {
  const cases = drawing.chain((drawn) => {
    const row = fc.integer({ min: 0, max: drawn.rows - 1 });
    return fc.array(row, { maxLength: 8 }).map((order) => [drawn, order] as const);
  });
  fc.assert(fc.property(cases, ([drawn, order]) => {
    const matrix = matrixOf(drawn);
    assertSame(orderedRows(matrix, order), cutOut(matrix, order, 0, matrix.shape[1]));
  }));
});

Deno.test("columns that are whole blocks, whose zeros begin with a byte", () => {
  fc.assert(fc.property(partOf(({ perRow }) => perRow), ([drawn, first, last]) => {
    const matrix = matrixOf(drawn), [start, end] = [first * drawn.size, last * drawn.size];
    const part = blockColumns(matrix, start, end);
    const begins = !drawn.ownZeros || drawn.bits === 8 || first % 2 === 0;
    assert.equal(part !== null, begins);
    if (part) assertSame(part, cutOut(matrix, range(0, drawn.rows), start, end));
  }));
});

Deno.test("columns that part a block are refused", () => {
  fc.assert(fc.property(partOf(({ perRow, size }) => perRow * size), ([drawn, start, end]) => {
    fc.pre(start % drawn.size !== 0 || end % drawn.size !== 0);
    assert.equal(blockColumns(matrixOf(drawn), start, end), null);
  }));
});

Deno.test("columns of some rows, and rows of some columns", () => {
  fc.assert(fc.property(drawing, (drawn) => {
    const matrix = matrixOf({ ...drawn, rows: 4, perRow: 5 });
    const [start, end] = [2 * drawn.size, 5 * drawn.size];
    const expected = cutOut(matrix, [1, 2], start, end);
    assertSame(blockColumns(blockRows(matrix, 1, 3), start, end)!, expected);
    assertSame(blockRows(blockColumns(matrix, start, end)!, 1, 3), expected);
  }));
});

Deno.test("a matrix without rows", () => {
  const sizes = { bits: 4, size: 32, rows: 0, perRow: 3, seed: 0 } as const;
  const matrix = matrixOf({ ...sizes, ownZeros: true, hasOffsets: true });
  const parts = [matrix, blockRows(matrix, 0, 0), orderedRows(matrix, []), blockColumns(matrix, 0, 64)!];
  for (const part of parts) assert.equal(widened(part).data.length, 0);
});
