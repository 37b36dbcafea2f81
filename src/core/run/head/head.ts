/** The final norm and the head's matrix: read in slices of rows, and searched if numbers are not finite. */
import type { Engine, Held } from "../../engine/mod.ts";
import { type Model, type ModelSpec, normTensors, scoredRowsGraph } from "../../models/mod.ts";
import { float32, indices, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { ranges } from "../../weights/mod.ts";
import { areFinite, culpritAmong, notFinite, sumOfSquares, takeSquares } from "../finite.ts";
import { withUploaded } from "../held.ts";
import type { Programs } from "../programs.ts";

/** Logits that exist at once. */
export const LOGITS = 4 * 2 ** 20;
/** Rows of the head's matrix that are read at once. */
const ROWS = 8192;

/** Rows [start, end) of the head's matrix. */
export type Rows = readonly [start: number, end: number];

/** The head's rows in order, at most 8192 at a time, and in float32 at most `bytes` unless one row is more. */
export function headSlices(
  { vocabulary, hidden }: Pick<ModelSpec, "vocabulary" | "hidden">,
  bytes = Infinity,
): Rows[] {
  return [...ranges(0, vocabulary, Math.max(1, Math.min(ROWS, Math.floor(bytes / (4 * hidden)))))];
}

/** Some rows of the head's matrix in float32. Throws `RangeError` for rows that are not finite. */
export async function headRows(model: Model, rows: Rows): Promise<Tensor> {
  const tensor = await model.weights.outer("head.weight", rows);
  const data = toFloat32(tensor);
  if (areFinite(sumOfSquares(data))) return float32(tensor.shape, data);
  throw notFinite(model, "head", culpritAmong([["head.weight", tensor]]));
}

export async function finalNorm({ spec, weights }: Model): Promise<Map<string, Tensor>> {
  const named = new Map<string, Tensor>();
  for (const [name] of normTensors("final_norm", spec.finalNorm, spec.hidden)) {
    named.set(name, await weights.outer(name));
  }
  return named;
}

/** Takes rows of P streams through the final norm: [n, P, D]. Throws `RangeError` where they are not finite. */
export async function normedRows(model: Model, engine: Engine, { get }: Programs, signal?: AbortSignal) {
  const weights = Object.fromEntries(
    [...await finalNorm(model)].map(([name, tensor]) => [name, float32(tensor.shape, toFloat32(tensor))]),
  );
  return async (streams: readonly Held[], rows: Int32Array): Promise<Held> => {
    const { hidden: width, finalNorm } = model.spec;
    const key = ["rows", width, finalNorm, streams.length];
    const program = await get(key, () => scoredRowsGraph(model.spec, streams.length));
    const named = Object.fromEntries(streams.map((stream, plan) => [`x${plan}`, stream]));
    const { squares, hidden } = await withUploaded(
      engine,
      { ...weights, rows: indices(rows) },
      (held) => program.run({ ...held, ...named }, { signal }),
    );
    if (areFinite(await takeSquares(engine, squares))) return hidden;
    hidden.free();
    throw notFinite(model, "final norm", culpritAmong(Object.entries(weights)));
  };
}

/** Writes the logits of some words [n, end − start] into those of all words [n, V]. */
export function intoRows(
  all: Float32Array,
  some: Float32Array,
  [start, end]: Rows,
  vocabulary: number,
): void {
  for (let row = 0; row * vocabulary < all.length; row++) {
    all.set(some.subarray(row * (end - start), (row + 1) * (end - start)), row * vocabulary + start);
  }
}

/** The error for logits that are not finite: it begins where the weights do that are not, or are too large. */
export async function headNotFinite(model: Model): Promise<RangeError> {
  const norm = await finalNorm(model);
  const isSound = [...norm.values()].every((tensor) => areFinite(sumOfSquares(toFloat32(tensor))));
  if (!isSound) return notFinite(model, "final norm", culpritAmong(norm));
  for (const rows of headSlices(model.spec)) await headRows(model, rows);
  return notFinite(model, "head", null);
}
