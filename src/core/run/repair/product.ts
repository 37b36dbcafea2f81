/** Products of float64 matrices on the CPU's engine: a tenth of the time of loops here. */
import { type Engine, openEngine } from "../../engine/mod.ts";
import { createGraph, Gemm } from "../../onnx/mod.ts";
import { ranges } from "../../weights/mod.ts";
import { withRead, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";

/** A row-major matrix of float64. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array<ArrayBuffer>;
}

export function matrix(rows: number, columns: number, data: Float64Array): Matrix {
  return { rows, columns, data: data as Float64Array<ArrayBuffer> };
}

export interface Products {
  /** a · b, or a · bᵀ. */
  multiply(a: Matrix, b: Matrix, transposed?: boolean): Promise<Matrix>;
  release(): Promise<void>;
}

/** Products on an engine if it is the CPU, else on the CPU: float64 is not every device's. */
export async function openProducts(engine: Engine): Promise<Products> {
  const own = engine.access === null ? engine : await openEngine({ engine: "cpu" });
  const programs = openPrograms(own);
  const program = (transposed: boolean) =>
    programs.get(["product", transposed], () => {
      const graph = createGraph();
      const a = graph.input("a", "f64", ["rows", "inner"]);
      const b = graph.input("b", "f64", transposed ? ["columns", "inner"] : ["inner", "columns"]);
      graph.output("product", Gemm(a, b, null, { transB: Number(transposed) }), "f64");
      return graph;
    });
  return {
    async multiply(a, b, transposed = false) {
      const [inner, columns] = transposed ? [b.columns, b.rows] : [b.rows, b.columns];
      if (a.columns !== inner) {
        throw new RangeError(`Cannot multiply matrices: found ${a.columns} columns, expected ${inner}`);
      }
      const compiled = await program(transposed);
      return await withUploaded(own, { a: tensorOf(a), b: tensorOf(b) }, async (held) => {
        const outputs = await compiled.run(held);
        return await withRead(own, outputs, ({ product: { data } }) => (
          { rows: a.rows, columns, data: (data as Float64Array<ArrayBuffer>).slice() }
        ));
      });
    },
    async release() {
      await programs.release();
      if (own !== engine) await own.close();
    },
  };
}

const tensorOf = ({ rows, columns, data }: Matrix) => (
  { dtype: "f64", shape: [rows, columns], data } as const
);

/** Rows [top, bottom) and columns [left, right) of a matrix, a copy. */
export function block(
  { columns, data }: Matrix,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): Matrix {
  const own = new Float64Array((bottom - top) * (right - left));
  for (let row = top; row < bottom; row++) {
    own.set(data.subarray(row * columns + left, row * columns + right), (row - top) * (right - left));
  }
  return { rows: bottom - top, columns: right - left, data: own };
}

/** Adds `factor` times a block to a matrix, from a row and a column on. */
function addBlock(to: Matrix, from: Matrix, top: number, left: number, factor: number): void {
  for (let row = 0; row < from.rows; row++) {
    const [there, here] = [(top + row) * to.columns + left, row * from.columns];
    for (let i = 0; i < from.columns; i++) to.data[there + i] += factor * from.data[here + i];
  }
}

/** Rows of a block: few calls for a thousand rows, and little time on the diagonal for ten thousand. */
const BLOCK = 256;

/** Solves X A = B for any number of B. */
type Solver = (b: Matrix) => Promise<Matrix>;

/** Rows of what is left of A that are updated at once: a half of a product with its own transpose need not be made. */
const BAND = 1024;

/**
 * Decomposes A + λ I = L Lᵀ, [n, n], by blocks: products of blocks are the engine's, and blocks on the diagonal are decomposed here.
 * Null if A + λ I is not positive definite; else the solver of X A = B.
 */
export async function cholesky(a: Matrix, { multiply }: Products, λ = 0): Promise<Solver | null> {
  const n = a.rows;
  const left: Matrix = { ...a, data: a.data.slice() }; // becomes L below its diagonal blocks
  for (let i = 0; i < n; i++) left.data[i * (n + 1)] += λ;
  const spans = [...ranges(0, n, BLOCK)];
  const inverses: Matrix[] = []; // of the diagonal blocks of L
  for (const [from, to] of spans) {
    const inverse = inverseFactor(block(left, [from, to], [from, to]));
    if (!inverse) return null;
    inverses.push(inverse);
    if (to === n) break;
    const below = await multiply(block(left, [to, n], [from, to]), inverse, true);
    for (let row = 0; row < below.rows; row++) {
      const own = below.data.subarray(row * below.columns, (row + 1) * below.columns);
      left.data.set(own, (to + row) * n + from);
    }
    for (let top = 0; top < below.rows; top += BAND) {
      const columns = [0, below.columns] as const;
      const band = block(below, [top, Math.min(below.rows, top + BAND)], columns);
      const rest = block(below, [top, below.rows], columns);
      addBlock(left, await multiply(rest, band, true), to + top, to + top, -1);
    }
  }

  return async (b) => {
    const x: Matrix = { ...b, data: b.data.slice() };
    const rows = [0, b.rows] as const;
    /** Replaces columns [from, to) of x by what `other` says, and takes their share off columns [start, end). */
    async function step(
      [from, to]: readonly [number, number],
      solved: Matrix,
      start: number,
      end: number,
      forward: boolean,
    ) {
      for (let row = 0; row < b.rows; row++) {
        x.data.set(solved.data.subarray(row * solved.columns, (row + 1) * solved.columns), row * n + from);
      }
      if (start === end) return;
      const factor = forward ? block(left, [start, end], [from, to]) : block(left, [from, to], [start, end]);
      addBlock(x, await multiply(solved, factor, forward), 0, start, -1);
    }
    for (const [i, span] of spans.entries()) {
      await step(span, await multiply(block(x, rows, span), inverses[i], true), span[1], n, true);
    }
    for (const [i, span] of [...spans.entries()].reverse()) {
      await step(span, await multiply(block(x, rows, span), inverses[i]), 0, span[0], false);
    }
    return x;
  };
}

/** L⁻¹ of a small A = L Lᵀ, lower triangular, from the lower triangle of A; null if A is not positive definite. */
function inverseFactor({ rows: n, data }: Matrix): Matrix | null {
  const factor = data.slice();
  const inverse = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    const own = factor.subarray(row * n, row * n + row + 1);
    for (let column = 0; column <= row; column++) {
      const other = factor.subarray(column * n, column * n + column + 1);
      let sum = own[column];
      for (let k = 0; k < column; k++) sum -= own[k] * other[k];
      if (column < row) own[column] = sum / other[column];
      else if (sum > 0 && sum < Infinity) own[row] = Math.sqrt(sum);
      else return null; // NaN too
    }
    const found = inverse.subarray(row * n, row * n + row + 1);
    found[row] = 1;
    for (let k = 0; k < row; k++) {
      for (let i = 0; i <= k; i++) found[i] -= own[k] * inverse[k * n + i];
    }
    for (let i = 0; i <= row; i++) found[i] /= own[row];
  }
  return { rows: n, columns: n, data: inverse };
}
