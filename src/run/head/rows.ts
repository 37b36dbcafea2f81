/**
 * Predictions at some tokens of many texts, or at every token of one. Streams are gathered as the layers end, and the head reads them
 * later, in any order.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { float32, type Tensor } from "../../tensor/mod.ts";
import { forward, type ForwardOptions } from "../forward.ts";
import { take, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import type { Segment } from "../segments.ts";
import { normedRows } from "./head.ts";
import { openLens } from "./lens.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { openScorer } from "./scorer.ts";

/** The last tokens of a text that are gathered. */
export interface TailSegment extends Segment {
  readonly past: null;
  readonly tail: number;
}

/** Streams that leave the last layer, of the last tokens of each text, one text after the other: float32 [Σ tail, D] for each plan. */
export async function tailStreams(
  { segments, ...run }: Omit<ForwardOptions, "finish" | "segments"> & {
    readonly segments: readonly TailSegment[];
  },
): Promise<Float32Array[]> {
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
    },
  });
  return all;
}

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

interface OneText extends Pick<ForwardOptions, "model" | "engine" | "signal"> {
  /** Token ids [T]. */
  readonly ids: Int32Array;
  readonly plan: DropPlan;
}

/** The logits after every token, float32 [T, V]. Throws `RangeError` where the norm or the head is not finite. */
export async function textLogits(run: OneText): Promise<Tensor & { data: Float32Array }> {
  const { model, engine, ids, signal } = run;
  const lens = await openLens(model, engine, signal);
  try {
    let logits = new Float32Array(0);
    await lastStream(run, async (stream) => {
      const rows = Int32Array.from(ids.keys());
      ({ logits: { data: logits } } = await lens.read(stream, rows, ["logits"]));
    });
    return float32([ids.length, model.spec.vocabulary], logits);
  } finally {
    await lens.release();
  }
}

/** −ln p of every token but the first, in nats, float64 [T − 1]. Throws `RangeError` where the norm or the head is not finite. */
export async function textLosses(run: OneText): Promise<Float64Array> {
  const { model, engine, ids, signal } = run;
  const rows = Int32Array.from({ length: ids.length - 1 }, (_, row) => row);
  const scorer = await openScorer(model, engine, signal);
  let losses = new Float64Array(0);
  try {
    await lastStream(run, async (stream) => {
      const targets = { rows, tokens: ids.slice(1), of: rows };
      const [{ nll }] = await scorer.score([[stream]], [targets], false);
      losses = nll.slice();
    });
  } finally {
    await scorer.release();
  }
  return losses;
}

/** Hands over the stream that leaves the last layer, [T, D], and frees it. */
async function lastStream(
  { ids, plan, ...run }: OneText,
  use: (stream: Held) => Promise<void>,
): Promise<void> {
  await forward({
    ...run,
    segments: [{ ids, past: null }],
    plans: [plan],
    finish: ([{ batches: [stream] }]) => use(stream),
  });
}
