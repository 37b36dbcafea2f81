/**
 * The sums of over-smoothing (`measure/smoothing.ts`) of one sample's states, and what computes them on a device.
 *
 * The kernel multiplies in float32 and adds runs of at most 128 numbers; everything above that, and all of the reference,
 * is float64.
 */
import type { SmoothingSums } from "../measure/mod.ts";
import type { Device, Kernel, Params } from "./device.ts";

/** States [T, D] of one sample, row-major. */
export interface TokenStates {
  readonly tokens: number;
  readonly width: number;
  readonly x: Float32Array<ArrayBuffer>;
}

const run = 128;
const tile = 64;
const tokensOfBlock = 4;
const tilesOf = (p: Params) => Math.ceil(Math.min(p.tokens, p.width) / tile);
const runsOf = (p: Params) => Math.ceil(p.tokens / run);

/** `kernels/token_smoothing`. */
export const tokenSmoothingKernel: Kernel = {
  name: "token_smoothing",
  bindings: [
    { name: "x", role: "in", type: "f32", length: (p) => p.tokens * p.width },
    { name: "squares", role: "out", type: "f32", length: (p) => p.tokens },
    { name: "inverse", role: "scratch", type: "f32", length: (p) => p.tokens },
    { name: "sums", role: "out", type: "f32", length: (p) => runsOf(p) * 2 * p.width },
    { name: "gram", role: "out", type: "f32", length: (p) => tilesOf(p) ** 2 },
  ],
  params: { tokens: "u32", width: "u32", columns: "u32" },
  stages: [
    { entry: "norms", block: 128, grid: (p) => [Math.ceil(p.tokens / tokensOfBlock), 1] },
    { entry: "totals", block: 128, grid: (p) => [Math.ceil(p.width / 128), runsOf(p)] },
    { entry: "tiles", block: 64, grid: (p) => [tilesOf(p), tilesOf(p)] },
  ],
};

/** Inputs and parameters of the kernel. */
export function tokenSmoothingCall({ tokens, width, x }: TokenStates) {
  return { inputs: { x }, params: { tokens, width, columns: width < tokens ? 1 : 0 } };
}

/** The sums, computed on a device. Throws `RangeError` for states of another size. */
export async function tokenSmoothing(device: Device, states: TokenStates): Promise<SmoothingSums> {
  const { inputs, params } = tokenSmoothingCall(states);
  const { squares, sums, gram } = await device.run(tokenSmoothingKernel, inputs, params);
  const { width } = states;
  const [sum, unitSum] = [new Float64Array(width), new Float64Array(width)];
  for (let row = 0; row < sums.length; row += 2 * width) {
    for (let d = 0; d < width; d++) {
      sum[d] += sums[row + d];
      unitSum[d] += sums[row + width + d];
    }
  }
  const skipped = squares.filter((square) => square === 0).length;
  return {
    counted: states.tokens - skipped,
    skipped,
    unitSum,
    sum,
    squares: total(squares),
    gramSquares: total(gram),
  };
}

/** The same in plain float64, from every pair of tokens. */
export function tokenSmoothingReference({ tokens, width, x }: TokenStates): SmoothingSums {
  const rows = Array.from(
    { length: tokens },
    (_, t) => Float64Array.from(x.subarray(t * width, (t + 1) * width)),
  );
  const kept = rows.filter((row) => dot(row, row) > 0);
  const units = kept.map((row) => row.map((value) => value / Math.sqrt(dot(row, row))));
  const columns = (vectors: Float64Array[]) =>
    Float64Array.from({ length: width }, (_, d) => total(vectors.map((vector) => vector[d])));
  return {
    counted: kept.length,
    skipped: tokens - kept.length,
    unitSum: columns(units),
    sum: columns(kept),
    squares: total(kept.map((row) => dot(row, row))),
    gramSquares: total(units.map((u) => total(units.map((v) => dot(u, v) ** 2)))),
  };
}

function dot(a: Float64Array, b: Float64Array): number {
  let result = 0;
  for (let i = 0; i < a.length; i++) result += a[i] * b[i];
  return result;
}

function total(values: ArrayLike<number>): number {
  let result = 0;
  for (let i = 0; i < values.length; i++) result += values[i];
  return result;
}
