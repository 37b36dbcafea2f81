/** The modules of one run: a graph for each kind, compiled when it is first met, and the states that pass through it. */
import type { Engine, Held } from "../engine/mod.ts";
import { normalDraw } from "../kernels/mod.ts";
import type { Model } from "../models/mod.ts";
import { type DropPlan, noDrop } from "../measure/mod.ts";
import { attend, type Kept } from "./modules/attend.ts";
import { openEmbedder } from "./embed.ts";
import { freeAll, type State } from "./held.ts";
import { type Branch, type LayerVariants, layerVariants, readingAhead, variantsIn } from "./plan/trie.ts";
import { expectPrecision, openPrograms, type Programs } from "./programs.ts";
import type { Probe } from "./probes/probe.ts";
import type { Run } from "./modules/module.ts";
import { type Batch, positionsOf, type Segment } from "./segments.ts";
import { openSights } from "./modules/sights.ts";
import { left } from "./modules/update.ts";
import { embeddingKey, withTables } from "./plan/variants.ts";

export interface RunnerOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly segments: readonly Segment[];
  readonly plans: readonly DropPlan[];
  readonly probes?: readonly Probe[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each module, with modules × batches done and to do. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export type Runner = ReturnType<typeof runner>;

/**
 * Compiles a graph for each kind of module when it is first met, and runs them. Programs that are `shared` stay compiled. Throws
 * `RangeError` for a model that cannot be run in the engine's precision.
 */
export function runner(
  { model, engine, segments, plans, probes = [], signal, onProgress }: RunnerOptions,
  total: number,
  shared?: Programs | null,
) {
  expectPrecision(model, engine);
  const programs = shared ?? openPrograms(engine);
  const embedders = new Map<string, ReturnType<typeof openEmbedder>>();
  const draw = normalDraw(engine);
  const sights = openSights(engine, segments);
  const continued = new Set(segments.map(({ past }) => past));
  // Probes see all heads of attention at once, and keys and values are kept of all of them.
  const wholeAttention = probes.some((probe) => probe.attention) ||
    segments.some(({ past }) => past !== null);
  const weights = readingAhead((l) => layerVariants(model, engine, draw, plans, l, wholeAttention));
  let done = 0;

  function step(): void {
    onProgress?.(++done, total);
    signal?.throwIfAborted();
  }

  const run: Run = { model, engine, segments, continued, probes, signal, programs, sights, step };

  /** A batch of one state through the ways of a layer. `kept` has the keys and values before it, and takes those that go on. */
  async function parted(
    l: number,
    parts: LayerVariants,
    x: Held,
    batch: Batch,
    ways: readonly Branch[],
    kept: Map<string, Kept>,
  ): Promise<Held[]> {
    const updates = new Map<string, Held>();
    const streams: Held[] = [];
    try {
      const { past } = segments[batch.first];
      for (const variant of variantsIn(ways, "attention")) {
        const members = ways.filter(({ attention }) => attention.key === variant.key)
          .flatMap(({ plans }) => plans);
        const before = kept.get(`${variant.key} ${past}`) ?? null;
        const own = parts.attention.get(variant.key)!.attention;
        const made = await attend(run, l, variant.spec!, own, members, x, batch, before);
        updates.set(variant.key, made.a);
        if (made.kept) kept.set(`${variant.key} ${batch.first}`, made.kept);
      }
      for (const way of ways) {
        const a = updates.get(way.attention.key) ?? null;
        const isRun = a !== null || way.mlp.spec !== null;
        streams.push(isRun ? await left(run, { l, parts, way, x, a, batch }) : x);
      }
      return streams;
    } catch (error) {
      freeAll(streams.filter((stream) => stream !== x));
      throw error;
    } finally {
      freeAll(updates.values());
    }
  }

  return {
    /** The stream of a batch that enters layer 0 under a plan. */
    embedding({ first, count, length }: Batch, plan: DropPlan = noDrop): Promise<Held> {
      const key = embeddingKey(plan);
      const own = key === "" ? model : withTables(model, plan.tables!);
      const embedder = embedders.getOrInsertComputed(key, () => openEmbedder(own, engine, programs));
      const ids = new Int32Array(count * length);
      const positions = new Int32Array(count * length);
      for (let i = 0; i < count; i++) {
        ids.set(segments[first + i].ids, i * length);
        positions.set(positionsOf(segments, first + i), i * length);
      }
      return embedder.embed(ids, { positions, signal });
    },
    /**
     * The states that leave a layer. Those that entered it are freed, unless they leave it, it fails, or `keep` says so. The weights
     * of layer `following`, if there is one, are made ready meanwhile.
     */
    async layer(
      l: number,
      following: number | null,
      states: readonly State[],
      ways: readonly Branch[][],
      batches: readonly Batch[],
      keep = false,
    ): Promise<State[]> {
      const parts = await weights.take(l);
      // In the CPU's memory it would take time and memory from what runs: files are read ahead by their source.
      if (following !== null && engine.access) weights.readAhead(following);
      const next = states.map((_, i) => ways[i].map(({ plans }): State => ({ plans, batches: [] })));
      try {
        for (const [i, state] of states.entries()) {
          const kept = new Map<string, Kept>();
          try {
            for (const [b, batch] of batches.entries()) {
              const x = state.batches[b];
              const streams = await parted(l, parts, x, batch, ways[i], kept);
              streams.forEach((stream, w) => next[i][w].batches.push(stream));
              if (!keep && !streams.includes(x)) x.free(); // nobody reads it again
            }
          } finally {
            for (const { key, value } of kept.values()) freeAll([key, value]);
          }
        }
        return next.flat();
      } catch (error) {
        const entered = keep ? states.flatMap(({ batches }) => batches) : [];
        freeAll(next.flat().flatMap(({ batches }) => batches).filter((stream) => !entered.includes(stream)));
        throw error;
      } finally {
        parts.release();
      }
    },
    /** Frees the masks and rotations of the batches so far. */
    forget: sights.free,
    async release(): Promise<void> {
      sights.free();
      await weights.forget();
      draw.free();
      if (!shared) await programs.release();
    },
  };
}
