/** Rows of plans beside rows of the full model (the head reads each of them once, a part of the rows at a time), and their means. */
import {
  cosine,
  meanPart,
  type Prediction,
  prediction,
  PREDICTION_MEASURES,
  type PredictionChange,
  predictionChange,
  ratio95,
  slopePart,
} from "../../measure/mod.ts";
import { openRows, type RowPredictions } from "../../run/mod.ts";
import type { Running } from "../evaluate/asked.ts";
import type { Generation, TextChanges } from "../../result/mod.ts";
import { eachOf, released } from "../../entry/mod.ts";

/** Streams [n, D] of a plan, and of each the row of the full model that it is compared with; ascending. */
export interface Rows {
  readonly streams: Float32Array;
  readonly of: readonly number[];
}

/** One row of a plan beside the full model's. */
export interface Pair {
  readonly full: Prediction;
  readonly logits: Float32Array;
  /** Of all tokens. */
  readonly change: PredictionChange & { readonly hidden: number | null };
}

/** Logits of one side that exist at once: 32 MiB, with their probabilities in float64 twice that. */
const LOGITS = 2 ** 23;

/** Compares rows at a temperature; gives what `see` makes of each row of each plan. `onRow` hears of rows of all plans. */
export async function compareRows<T>(
  { model, engine, signal }: Running,
  full: Float32Array,
  plans: readonly Rows[],
  temperature: number,
  see: (pair: Pair, row: number) => T,
  onRow?: (done: number, total: number) => void,
): Promise<T[][]> {
  const { hidden: size, vocabulary } = model.spec;
  const most = Math.max(1, Math.floor(LOGITS / vocabulary));
  const total = plans.reduce((sum, { of }) => sum + of.length, 0);
  const seen = plans.map((): T[] => []);
  await using head = released(await openRows(model, engine, signal));
  let done = 0;
  for (let start = 0; start < full.length / size; start += most) {
    const own = await head.read(full.subarray(start * size, (start + most) * size));
    const predictions = rowsOf(own, vocabulary, (logits) => prediction(logits, temperature));
    for (const [i, { streams, of }] of plans.entries()) {
      const first = seen[i].length;
      const rows = of.slice(first).filter((row) => row < start + most);
      if (rows.length === 0) continue;
      const read = await head.read(streams.subarray(first * size, (first + rows.length) * size));
      signal?.throwIfAborted();
      rows.forEach((row, r) => {
        const logits = read.logits.subarray(r * vocabulary, (r + 1) * vocabulary);
        const [mine, theirs] = [hiddenOf(own, row - start, size), hiddenOf(read, r, size)];
        const from = predictions[row - start];
        const change = { hidden: cosine(mine, theirs), ...predictionChange(from, logits) };
        seen[i].push(see({ full: from, logits, change }, row));
      });
      onRow?.(done += rows.length, total);
    }
  }
  return seen;
}

function rowsOf<T>({ logits }: RowPredictions, vocabulary: number, of: (row: Float32Array) => T): T[] {
  return Array.from(
    { length: logits.length / vocabulary },
    (_, row) => of(logits.subarray(row * vocabulary, (row + 1) * vocabulary)),
  );
}

function hiddenOf({ hidden }: RowPredictions, row: number, size: number): Float32Array {
  return hidden.subarray(row * size, (row + 1) * size);
}

type Plan = Generation["plans"][number];
type Beside = Plan["forced"];

/** A plan beside the full model, over `tokens` steps of its texts. */
export function besideOf(texts: readonly TextChanges[], tokens: number): Beside {
  return {
    steps: Array.from({ length: tokens }, (_, step) => stepOf(texts, step)),
    means: meansOf(texts),
    slopes: {
      kl: ratio95(texts.map(({ variance, kl }) => slopePart(variance, kl))),
      distance: ratio95(texts.map(({ squares, distance }) => slopePart(squares, distance))),
    },
    texts: [...texts],
  };
}

function stepOf(texts: readonly TextChanges[], step: number): Beside["steps"][number] {
  const there = texts.filter(({ kl }) => step < kl.length);
  const mean = (of: (text: TextChanges) => number | null) =>
    ratio95(there.map((text) => meanPart([of(text)])));
  return {
    texts: there.length,
    hidden: mean(({ hidden }) => hidden[step]),
    logits: mean(({ logits }) => logits[step]),
    probabilities: mean(({ distance }) => 1 - distance[step]),
  };
}

export function meansOf(texts: readonly TextChanges[]): Beside["means"] {
  return eachOf(PREDICTION_MEASURES, (name) => ratio95(texts.map((text) => meanPart(text[name]))));
}

/** By step, the share of texts that are the full model's so far, this step included. */
export function sameSoFar(
  own: readonly (readonly number[])[],
  full: readonly (readonly number[])[],
  tokens: number,
): number[] {
  return Array.from({ length: tokens }, (_, step) => {
    const same = own.filter((text, i) => {
      const [a, b] = [text.slice(0, step + 1), full[i].slice(0, step + 1)];
      return a.length === b.length && a.every((id, at) => id === b[at]);
    });
    return same.length / own.length;
  });
}
