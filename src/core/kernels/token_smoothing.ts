/**
 * The sums of over-smoothing (`measure/streams/smoothing.ts`) of one sample's states, and what computes them on a device.
 *
 * The kernel multiplies in float32 and adds runs of at most 128 numbers; everything above that, and all of the reference,
 * is float64.
 */
import { dot, sum as total } from "../entry/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import type { SmoothingSums } from "../measure/mod.ts";
import { type Kernel, type Params, paramTypes } from "./kernel.ts";
import { launch } from "./launch.ts";

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

export const tokenSmoothingKernel: Kernel = {
  name: "token_smoothing",
  bindings: [
    { name: "x", role: "in", shape: (p) => [p.samples, p.tokens, p.width] },
    { name: "squares", role: "out", shape: (p) => [p.samples, p.tokens] },
    { name: "inverse", role: "scratch", shape: (p) => [p.samples, p.tokens] },
    { name: "sums", role: "out", shape: (p) => [p.samples, runsOf(p), 2, p.width] },
    { name: "gram", role: "out", shape: (p) => [p.samples, tilesOf(p), tilesOf(p)] },
  ],
  params: paramTypes("samples tokens width columns"),
  stages: [
    { entry: "norms", block: 128, grid: (p) => [Math.ceil(p.samples * p.tokens / tokensOfBlock), 1, 1] },
    { entry: "totals", block: 128, grid: (p) => [Math.ceil(p.width / 128), runsOf(p), p.samples] },
    { entry: "tiles", block: 64, grid: (p) => [tilesOf(p), tilesOf(p), p.samples] },
  ],
};

/** What the kernel writes. */
type SmoothingParts<Part> = Readonly<Record<"squares" | "sums" | "gram", Part>>;

/** The parts of the sums of held states [S, T, D], in the engine's memory. */
export async function tokenSmoothing(
  engine: Pick<Engine, "name" | "access">,
  x: Held,
  samples: number,
  tokens: number,
): Promise<SmoothingParts<Held>> {
  const width = x.shape.at(-1)!;
  const params = { samples, tokens, width, columns: width < tokens ? 1 : 0 };
  const { squares, sums, gram } = await launch(engine, tokenSmoothingKernel, { x }, params);
  return { squares, sums, gram };
}

/** The sums of one sample, from the parts of it. */
export function readSmoothingSums(
  { squares, sums, gram }: SmoothingParts<Float32Array>,
  width: number,
): SmoothingSums {
  const [sum, unitSum] = [new Float64Array(width), new Float64Array(width)];
  for (let row = 0; row < sums.length; row += 2 * width) {
    for (let d = 0; d < width; d++) {
      sum[d] += sums[row + d];
      unitSum[d] += sums[row + width + d];
    }
  }
  const skipped = squares.filter((square) => square === 0).length;
  return {
    counted: squares.length - skipped,
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
    Float64Array.from({ length: width }, (_, d) => total(vectors, (vector) => vector[d]));
  return {
    counted: kept.length,
    skipped: tokens - kept.length,
    unitSum: columns(units),
    sum: columns(kept),
    squares: total(kept, (row) => dot(row, row)),
    gramSquares: total(units, (u) => total(units, (v) => dot(u, v) ** 2)),
  };
}
