/**
 * The head over final streams: normed once, at the rows that are scored, and kept on the engine with all plans side by side. Then
 * slices of the vocabulary pass, each weight row uploaded once, and for each slice all rows.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { headRows, headSlices, LOGITS, normedRows, type Rows } from "./head.ts";
import { indices } from "../../tensor/mod.ts";
import { freeAll, withRead, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import {
  type Asked,
  inColumns,
  merger,
  type Scores,
  sliceGraph,
  type SliceShape,
  type Targets,
} from "./slices.ts";

/** Some rows of all plans [n, P, D], and what they predict. */
interface Chunk extends Asked {
  readonly hidden: Held;
}

/** Opens the head of a model. Its runs throw `RangeError` where the norm or the head is not finite. */
export async function openScorer(model: Model, engine: Engine, signal?: AbortSignal) {
  const { spec, spec: { hidden } } = model;
  const programs = openPrograms(engine);
  const normed = await normedRows(model, engine, programs, signal);
  const slices = headSlices(spec, engine.has.bindingBytes);

  async function eachSlice(use: (weight: Held, rows: Rows) => Promise<void>): Promise<void> {
    for (const rows of slices) {
      await withUploaded(engine, { weight: await headRows(model, rows) }, ({ weight }) => use(weight, rows));
    }
  }

  /** The rows of a batch that are scored, at most `size` in a chunk. */
  async function chunksOf(streams: readonly Held[], targets: Targets, size: number): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    try {
      for (let start = 0; start < targets.rows.length; start += size) {
        const part = rowsFrom(targets, start, start + size);
        chunks.push({ ...inColumns(part), hidden: await normed(streams, part.rows) });
      }
      return chunks;
    } catch (error) {
      freeChunks(chunks);
      throw error;
    }
  }

  async function statistics(
    { tokens, of, columns, most, hidden: rows }: Chunk,
    weight: Held,
    [start, end]: Rows,
    comparison: Pick<SliceShape, "compared" | "likeliest">,
  ) {
    const shape = { plans: rows.shape[1], words: end - start, ...comparison };
    const { plans } = shape;
    const program = await programs.get(["slice", shape], () => sliceGraph(hidden, shape, spec.head.softcap));
    const inside = new Int32Array(rows.shape[0] * plans * most);
    tokens.forEach((token, i) => {
      for (let plan = 0; plan < plans; plan++) {
        const word = Math.min(Math.max(token - start, 0), end - start - 1);
        inside[(of[i] * plans + plan) * most + columns[i]] = word;
      }
    });
    const uploads = { target: indices(inside, [rows.shape[0], plans, most]) };
    return await withUploaded(
      engine,
      uploads,
      (held) => program.run({ ...held, hidden: rows, weight }, { signal }),
    );
  }

  return {
    /**
     * The predictions of each plan, `streams[plan][batch]` at `targets[batch]`; if `compared`, held against plan 0. `onScore` gets the
     * number of logits of one plan that are done; each row's `likeliest` tokens are given, none by default.
     */
    async score(
      streams: readonly (readonly Held[])[],
      targets: readonly Targets[],
      compared: boolean,
      onScore?: (done: number) => void,
      likeliest = 0,
    ): Promise<Scores[]> {
      const plans = streams.length;
      const size = Math.max(1, Math.floor(LOGITS / (plans * slices[0][1])));
      const chunks: Chunk[] = [];
      try {
        for (const [b, target] of targets.entries()) {
          chunks.push(...await chunksOf(streams.map((batches) => batches[b]), target, size));
        }
        const total = chunks.reduce((sum, { rows }) => sum + rows.length, 0);
        const merged = merger(total, chunks.reduce((sum, { tokens }) => sum + tokens.length, 0), {
          plans,
          compared,
          likeliest,
        });
        await eachSlice(async (weight, [start, end]) => {
          const at = { row: 0, target: 0 };
          for (const chunk of chunks) {
            await withRead(
              engine,
              await statistics(chunk, weight, [start, end], { compared, likeliest }),
              (values) => merged.add(chunk, at, [start, end], values),
            );
            at.row += chunk.rows.length;
            at.target += chunk.tokens.length;
            onScore?.(start * total + at.row * (end - start));
            signal?.throwIfAborted();
          }
        });
        return merged.scores();
      } finally {
        freeChunks(chunks);
      }
    },
    release: programs.release,
  };
}

function freeChunks(chunks: readonly { readonly hidden: Held }[]): void {
  freeAll(chunks.map(({ hidden }) => hidden));
}

function rowsFrom({ rows, tokens, of }: Targets, start: number, end: number): Targets {
  const first = of.findIndex((row) => row >= start);
  const last = of.findLastIndex((row) => row < end) + 1;
  return {
    rows: rows.subarray(start, end),
    tokens: tokens.subarray(first, last),
    of: of.subarray(first, last).map((row) => row - start),
  };
}
