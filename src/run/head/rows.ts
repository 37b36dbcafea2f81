/** Predictions at some tokens of many texts: streams are gathered as the layers end, and the head reads them later, in any order. */
import type { Engine } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import { forward, type ForwardOptions } from "../forward.ts";
import { freeStates, take, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import type { Segment } from "../segments.ts";
import { normedRows } from "./head.ts";
import { openLens } from "./lens.ts";

/** The last tokens of a text that are gathered. */
export interface TailSegment extends Segment {
  readonly past: null;
  /** How many. */
  readonly tail: number;
}

/** Options of gathering. */
type TailOptions = Omit<ForwardOptions, "finish" | "segments"> & {
  readonly segments: readonly TailSegment[];
};

/** Streams that leave the last layer, of the last tokens of each text, one text after the other: float32 [Σ tail, D] for each plan. */
export async function tailStreams({ segments, ...run }: TailOptions): Promise<Float32Array[]> {
  const { model: { spec: { hidden } }, plans, engine } = run;
  const starts = segments.map(() => 0);
  let rows = 0;
  segments.forEach(({ tail }, i) => {
    starts[i] = rows;
    rows += tail;
  });
  const all = plans.map(() => new Float32Array(rows * hidden));
  await forward({
    ...run,
    segments,
    async finish(states, batches) {
      try {
        for (const state of states) {
          for (const [b, { first, count, length }] of batches.entries()) {
            const { data } = await engine.read(state.batches[b]);
            for (let text = 0; text < count; text++) {
              const { tail } = segments[first + text];
              const own = (data as Float32Array).subarray(
                ((text + 1) * length - tail) * hidden,
                (text + 1) * length * hidden,
              );
              for (const plan of state.plans) all[plan].set(own, starts[first + text] * hidden);
            }
          }
        }
      } finally {
        freeStates(states);
      }
    },
  });
  return all;
}

/** What the head reads, and what it makes of it. */
export interface RowPredictions {
  /** After the final norm, float32 [n, D]. */
  readonly hidden: Float32Array;
  /** Float32 [n, V]. */
  readonly logits: Float32Array;
}

/** Opens the head of a model for streams [n, D] in CPU memory. Its readings throw `RangeError` where norm or head is not finite. */
export async function openRows(model: Model, engine: Engine, signal?: AbortSignal) {
  const { hidden: size } = model.spec;
  const programs = openPrograms(engine);
  const normed = await normedRows(model, engine, programs, signal);
  const lens = await openLens(model, engine, signal);
  return {
    async read(streams: Float32Array): Promise<RowPredictions> {
      const n = streams.length / size;
      const rows = Int32Array.from({ length: n }, (_, row) => row);
      return await withUploaded(engine, { x: float32([n, size], streams) }, async ({ x }) => {
        const hidden = (await take(engine, await normed([x], rows))).data as Float32Array;
        const { logits: { data: logits } } = await lens.read(x, rows, ["logits"]);
        return { hidden, logits };
      });
    },
    async release() {
      await lens.release();
      await programs.release();
    },
  };
}
