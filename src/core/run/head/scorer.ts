/**
 * The head over final streams: normed once, at the rows that are scored, and kept on the engine with all plans side by side. Then
 * slices of the vocabulary pass, each weight row uploaded once, and for each slice all rows.
 */
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { headRows, headSlices, LOGITS, normedRows, type Rows } from "./head.ts";
import { indices } from "../../tensor/mod.ts";
import { freeAll, withRead, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import { type Asked, inColumns, merger, type Scores, sliceGraph, type Targets } from "./slices.ts";

/** Some rows of the plans of each head [n, P, D], and what they predict. */
interface Chunk extends Asked {
  readonly hidden: readonly Held[];
}

/** A head, how rows are normed before it, and the places of the streams that have it. */
interface Own {
  readonly head: Model;
  readonly normed: Awaited<ReturnType<typeof normedRows>>;
  readonly places: readonly number[];
}

/** How streams are scored. */
interface Scored {
  /** Receives the number of logits of one plan that are done. */
  onScore?(done: number): void;
  /** The model whose norm and head each stream meets; default: the scorer's. All have the same words. */
  readonly heads?: readonly Model[];
}

/** Opens the head of a model. Its runs throw `RangeError` where the norm or the head is not finite. */
export async function openScorer(model: Model, engine: Engine, signal?: AbortSignal) {
  const programs = openPrograms(engine);
  const open = (head: Model) => normedRows(head, engine, programs, signal);
  const norms = new Map([[model, await open(model)]]);

  /** The heads of streams, that of the first ahead. */
  async function ownOf(heads: readonly Model[]): Promise<Own[]> {
    const all: Own[] = [];
    for (const [head, places] of Map.groupBy(heads.keys(), (place) => heads[place])) {
      const normed = norms.get(head) ?? await open(head);
      norms.set(head, normed);
      all.push({ head, normed, places });
    }
    return all;
  }

  const slices = headSlices(model.spec, engine.has.bindingBytes);
  async function eachSlice(own: readonly Own[], use: (weights: Feeds, rows: Rows) => Promise<void>) {
    for (const rows of slices) {
      const read = own.map(async ({ head }, i) =>
        [named("weight", i, own), await headRows(head, rows)] as const
      );
      await withUploaded(
        engine,
        Object.fromEntries(await Promise.all(read)),
        (weights) => use(weights, rows),
      );
    }
  }

  /** The rows of a batch that are scored, at most `size` in a chunk. */
  async function chunksOf(
    own: readonly Own[],
    streams: readonly Held[],
    targets: Targets,
    size: number,
  ): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    const hidden: Held[] = [];
    try {
      for (let start = 0; start < targets.rows.length; start += size) {
        const part = rowsFrom(targets, start, start + size);
        for (const { normed, places } of own) {
          hidden.push(await normed(places.map((place) => streams[place]), part.rows));
        }
        chunks.push({ ...inColumns(part), hidden: hidden.splice(0) });
      }
      return chunks;
    } catch (error) {
      freeAll(hidden);
      freeChunks(chunks);
      throw error;
    }
  }

  async function statistics(
    own: readonly Own[],
    { rows, tokens, of, columns, most, hidden }: Chunk,
    weights: Feeds,
    [start, end]: Rows,
    compared: boolean,
  ) {
    const plans = own.reduce((sum, { places }) => sum + places.length, 0);
    const shape = { plans, words: end - start, compared };
    const heads = own.map(({ head: { spec }, places }) => (
      { plans: places.length, hidden: spec.hidden, cap: spec.head.softcap }
    ));
    const program = await programs.get(["slice", heads, shape], () => sliceGraph(heads, shape));
    const inside = new Int32Array(rows.length * plans * most);
    tokens.forEach((token, i) => {
      for (let plan = 0; plan < plans; plan++) {
        const word = Math.min(Math.max(token - start, 0), end - start - 1);
        inside[(of[i] * plans + plan) * most + columns[i]] = word;
      }
    });
    const uploads = { target: indices(inside, [rows.length, plans, most]) };
    const streams = Object.fromEntries(hidden.map((one, i) => [named("hidden", i, own), one]));
    return await withUploaded(
      engine,
      uploads,
      (held) => program.run({ ...held, ...streams, ...weights }, { signal }),
    );
  }

  return {
    /**
     * The predictions of each plan, `streams[plan][batch]` at `targets[batch]`; if `compared`, held against plan 0.
     */
    async score(
      streams: readonly (readonly Held[])[],
      targets: readonly Targets[],
      compared: boolean,
      { onScore, heads = streams.map(() => model) }: Scored = {},
    ): Promise<Scores[]> {
      const plans = streams.length;
      const own = await ownOf(heads);
      const [[, words]] = slices;
      const size = Math.max(1, Math.floor(LOGITS / (plans * words)));
      const chunks: Chunk[] = [];
      try {
        for (const [b, target] of targets.entries()) {
          chunks.push(...await chunksOf(own, streams.map((batches) => batches[b]), target, size));
        }
        const total = chunks.reduce((sum, { rows }) => sum + rows.length, 0);
        const merged = merger(total, chunks.reduce((sum, { tokens }) => sum + tokens.length, 0), {
          plans,
          compared,
        });
        await eachSlice(own, async (weights, [start, end]) => {
          const at = { row: 0, target: 0 };
          for (const chunk of chunks) {
            await withRead(
              engine,
              await statistics(own, chunk, weights, [start, end], compared),
              (values) => merged.add(chunk, at, [start, end], values),
            );
            at.row += chunk.rows.length;
            at.target += chunk.tokens.length;
            onScore?.(start * total + at.row * (end - start));
            signal?.throwIfAborted();
          }
        });
        const found = merged.scores();
        const order = own.flatMap(({ places }) => places);
        return found.map((_, place) => found[order.indexOf(place)]);
      } finally {
        freeChunks(chunks);
      }
    },
    release: programs.release,
  };
}

/** An input of a graph: numbered where there are several heads. */
const named = (input: string, i: number, { length }: readonly unknown[]): string =>
  length > 1 ? `${input}${i}` : input;

function freeChunks(chunks: readonly Chunk[]): void {
  freeAll(chunks.flatMap(({ hidden }) => hidden));
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
