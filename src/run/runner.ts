/** The modules of one run: a graph for each kind, compiled when it is first met, and the states that pass through it. */
import type { Engine, Held } from "../engine/mod.ts";
import { normalDraw } from "../kernels/mod.ts";
import type { Model } from "../models/mod.ts";
import { attend, type Kept } from "./modules/attend.ts";
import { openEmbedder } from "./embed.ts";
import { freeAll } from "./held.ts";
import { type LayerParts, layerParts } from "./weights/parts.ts";
import type { Probe } from "./probes/probe.ts";
import { openPrograms } from "./programs.ts";
import { readingAhead } from "./weights/read_ahead.ts";
import type { Run } from "./run.ts";
import { type Batch, positionsOf, type Segment } from "./segments.ts";
import { openSights } from "./modules/sights.ts";
import { freeStates, type State } from "./state.ts";
import type { Branch } from "./trie.ts";
import { updated } from "./modules/update.ts";

/** What runs, over what, and who looks. */
export interface RunnerOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly segments: readonly Segment[];
  readonly probes?: readonly Probe[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each module, with modules × batches done and to do. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Passes streams through the layers. */
export interface Runner {
  /** The stream of a batch that enters layer 0. */
  embedding(batch: Batch): Promise<Held>;
  /**
   * The states that leave a layer. Those that entered it are freed, unless they leave it or it fails. The weights of layer
   * `next`, if there is one, are made ready meanwhile.
   */
  layer(
    l: number,
    next: number | null,
    states: readonly State[],
    ways: readonly Branch[][],
    batches: readonly Batch[],
  ): Promise<State[]>;
  /** Frees what the batches so far have been told of their tokens. */
  forget(): void;
  release(): Promise<void>;
}

/** Compiles a graph for each kind of module when it is first met, and runs them. */
export function runner(
  { model, engine, segments, probes = [], signal, onProgress }: RunnerOptions,
  total: number,
): Runner {
  const programs = openPrograms(engine);
  const embedder = openEmbedder(model, engine, programs);
  const draw = normalDraw(engine);
  const sights = openSights(engine, segments);
  const continued = new Set(segments.map(({ past }) => past));
  // What goes on inside attention is observed of all its heads at once, and what is kept is kept of all of them.
  const wholeAttention = probes.some((probe) => probe.attention) ||
    segments.some(({ past }) => past !== null);
  const weights = readingAhead((l) => layerParts(model, engine, draw, l, wholeAttention));
  let done = 0;

  function step(): void {
    onProgress?.(++done, total);
    signal?.throwIfAborted();
  }

  const run: Run = { model, engine, segments, continued, probes, signal, programs, sights, step };

  /** A batch of one state through the ways of a layer; `kept` has what it continues, and takes what continues it. */
  async function parted(
    l: number,
    parts: LayerParts,
    x: Held,
    batch: Batch,
    ways: readonly Branch[],
    kept: Map<number, Kept>,
  ): Promise<Held[]> {
    const attending = ways.filter((way) => way.attention).flatMap((way) => way.plans);
    const streams: Held[] = [];
    let a: Held | null = null;
    try {
      if (attending.length > 0) {
        const { past } = segments[batch.first];
        const before = past === null ? null : kept.get(past)!;
        const made = await attend(run, l, parts.attention, attending, x, batch, before);
        a = made.a;
        if (made.kept) kept.set(batch.first, made.kept);
      }
      for (const way of ways) {
        const runs = way.attention || way.mlp;
        streams.push(runs ? await updated(run, l, parts, way, x, way.attention ? a : null, batch) : x);
      }
      return streams;
    } catch (error) {
      freeAll(streams.filter((stream) => stream !== x));
      throw error;
    } finally {
      a?.free();
    }
  }

  return {
    embedding({ first, count, length }) {
      const ids = new Int32Array(count * length);
      const positions = new Int32Array(count * length);
      for (let i = 0; i < count; i++) {
        ids.set(segments[first + i].ids, i * length);
        positions.set(positionsOf(segments, first + i), i * length);
      }
      return embedder.embed(ids, { positions, signal });
    },
    async layer(l, following, states, ways, batches) {
      const parts = await weights.take(l);
      // In the CPU's memory it would take time and memory from what runs: files are read ahead by their source.
      if (following !== null && engine.access) weights.readAhead(following);
      const next = states.map((_, i) => ways[i].map(({ plans }): State => ({ plans, batches: [] })));
      try {
        for (const [i, state] of states.entries()) {
          const kept = new Map<number, Kept>();
          try {
            for (const [b, batch] of batches.entries()) {
              const x = state.batches[b];
              const streams = await parted(l, parts, x, batch, ways[i], kept);
              streams.forEach((stream, w) => next[i][w].batches.push(stream));
              if (!streams.includes(x)) x.free(); // nobody reads it again
            }
          } finally {
            for (const { key, value } of kept.values()) freeAll([key, value]);
          }
        }
        return next.flat();
      } catch (error) {
        freeStates(next.flat());
        throw error;
      } finally {
        parts.release();
      }
    },
    forget: sights.free,
    async release() {
      sights.free();
      await weights.forget();
      draw.free();
      await programs.release();
    },
  };
}
