/** The modules of one run: a graph for each kind, compiled when it is first met, and the states that pass through it. */
import type { Engine, Feeds, Held } from "../engine/mod.ts";
import { normalDraw } from "../kernels/mod.ts";
import {
  attentionGraph,
  type AttentionSpec,
  type AttentionTaps,
  type Extent,
  type KeysValues,
  mlpPartGraph,
  type MlpSpec,
  type Model,
  type MoeSpec,
  updateGraph,
  type UpdateTaps,
} from "../models/mod.ts";
import { Add, type Value } from "../onnx/mod.ts";
import { openEmbedder } from "./embed.ts";
import { freeAll, withRead } from "./held.ts";
import { type RouterTap, runMixture } from "./mixture.ts";
import { type Compiled, runModule } from "./module.ts";
import type { Part } from "./part.ts";
import { type LayerParts, layerParts, withoutWeights } from "./parts.ts";
import type { Present, Probe } from "./probes/probe.ts";
import { forKernels, split, withObserved } from "./observe.ts";
import { openPrograms } from "./programs.ts";
import { areTexts, type Batch, positionsOf, type Segment } from "./segments.ts";
import { readingAhead } from "./read_ahead.ts";
import { openSights } from "./sights.ts";
import { freeStates, type State } from "./state.ts";
import type { Branch } from "./trie.ts";

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

/** Keys and values [P, K·E] of a text that others continue. */
type Kept = KeysValues<Held>;

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
  const { hidden, layers } = model.spec;
  const lowering = engine.has;
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

  /** The probes that look at a run of these plans. */
  const looking = (members: readonly number[]) =>
    probes.filter((probe) => !probe.only || probe.only.some((plan) => members.includes(plan)));

  function step(): void {
    onProgress?.(++done, total);
    signal?.throwIfAborted();
  }

  async function attention(
    l: number,
    parts: readonly Part<AttentionSpec>[],
    members: readonly number[],
    x: Held,
    batch: Batch,
    past: Kept | null,
  ): Promise<{ a: Held; kept: Kept | null }> {
    const extent = extentOf(batch);
    const options = {
      masked: !areTexts(segments, batch),
      past: past !== null,
      keep: continued.has(batch.first),
      lowering,
    };
    const observers = looking(members);
    const { tapping, launching } = split(engine, observers, "attention");
    const compiled: Compiled<AttentionSpec> = (spec, stored, onto, last) => {
      const taps = last ? observers.map((probe) => probes.indexOf(probe)) : [];
      return programs.get(["attention", spec, extent, options, [...stored], onto, taps], () => {
        const tap = (values: AttentionTaps) => {
          const { q, k } = values;
          const own = tapping.map((probe) => probe.attention?.(values, spec, extent));
          return Object.assign({}, ...own, launching.length > 0 ? forKernels({ q, k }) : {});
        };
        return attentionGraph(spec, hidden, extent, { ...options, onto, stored, ...last ? { tap } : {} });
      });
    };
    const feeds = {
      ...sights.of(layers[l].attention!, batch),
      ...past ? { past_key: past.key, past_value: past.value } : {},
      x,
    };
    const place = { layer: l, module: "attention" } as const;
    const { a, key, value, ...outputs } = await runModule(
      { model, engine, signal, place },
      parts,
      compiled,
      feeds,
      "a",
    );
    try {
      const present = { attention: true, mlp: layers[l].mlp !== null };
      const seen = { layer: l, plans: members, present, ...batch };
      const launches = ({ q, k }: Feeds) =>
        launching.map(({ attention }) => () => attention!(engine, { q, k }, layers[l].attention!, extent));
      await withObserved(engine, outputs, launches, async (outputs) => {
        for (const probe of observers) await probe.observeAttention?.({ ...seen, outputs });
      });
      step();
      return { a, kept: options.keep ? { key, value } : null };
    } catch (error) {
      freeAll(options.keep ? [a, key, value] : [a]);
      throw error;
    }
  }

  async function update(
    l: number,
    parts: readonly Part<MlpSpec | MoeSpec | null>[],
    way: Branch,
    x: Held,
    a: Held | null,
    batch: Batch,
    sum: Held | null,
  ): Promise<Held> {
    const extent = extentOf(batch);
    const { residual } = layers[l];
    const present: Present = { attention: way.attention, mlp: way.mlp };
    const observers = looking(way.plans);
    const { tapping, launching } = split(engine, observers, "update");
    const compiled: Compiled<MlpSpec | MoeSpec | null> = (mlp, stored, onto, last) => {
      const taps = last ? observers.map((probe) => probes.indexOf(probe)) : null;
      return programs.get(["update", residual, mlp, present, extent, [...stored], onto, taps], () => {
        const afterAttention = a !== null && residual === "sequential";
        if (!last) {
          return mlpPartGraph(mlp as MlpSpec, hidden, extent, afterAttention, { onto, stored, lowering });
        }
        const tap = (values: UpdateTaps) => {
          const own = tapping.map((probe) => probe.update?.(values, layers[l], hidden, extent));
          return Object.assign({}, ...own, launching.length > 0 ? forKernels(heldTaps(values)) : {});
        };
        return updateGraph({ ...layers[l], mlp }, hidden, extent, present, { tap, onto, stored, lowering });
      });
    };
    const place = { layer: l, module: way.mlp ? "mlp" : "attention" } as const;
    const { y, ...outputs } = await runModule(
      { model, engine, signal, place },
      parts,
      compiled,
      { x, ...a ? { a } : {}, ...sum ? { sum } : {} },
      "m",
    );
    try {
      const seen = { layer: l, plans: way.plans, present, ...batch };
      const launches = ({ m, h = a ? y : x }: Feeds) =>
        launching.map(({ update }) => () => update!(engine, { x, a, h, m: m ?? null, y }, layers[l], extent));
      await withObserved(engine, outputs, launches, async (outputs) => {
        for (const probe of observers) await probe.observeUpdate?.({ ...seen, outputs });
      });
      if (way.mlp) step();
      return y;
    } catch (error) {
      y.free();
      throw error;
    }
  }

  /** A stream after a layer, of x and what attention adds to it. */
  async function updated(
    l: number,
    { mlp, mixture }: LayerParts,
    way: Branch,
    x: Held,
    a: Held | null,
    batch: Batch,
  ): Promise<Held> {
    if (!way.mlp) return await update(l, [withoutWeights], way, x, a, batch, null);
    if (!mixture) return await update(l, mlp, way, x, a, batch, null);
    const place = { layer: l, module: "mlp" } as const;
    const where = { model, engine, signal, place };
    const observers = looking(way.plans).filter((probe) => probe.router);
    const tap: RouterTap | null = observers.length === 0 ? null : {
      key: observers.map((probe) => probes.indexOf(probe)),
      tap: (taps) => Object.assign({}, ...observers.map((probe) => probe.router!(taps))),
    };
    const streams = a ? { x, a } : { x };
    const { sum, outputs } = await runMixture(where, programs, mixture.after.spec, mixture, streams, tap);
    try {
      const present = { attention: way.attention, mlp: true };
      await withRead(engine, outputs, async (outputs) => {
        const seen = { layer: l, plans: way.plans, present, ...batch, outputs };
        for (const probe of observers) await probe.observeRouter?.(seen);
      });
      return await update(l, [mixture.after], way, x, a, batch, sum);
    } finally {
      sum.free();
    }
  }

  /** A graph for some whole texts is made for their number and length; one for segments takes any length. */
  function extentOf(batch: Batch): Extent {
    return { samples: batch.count, length: areTexts(segments, batch) ? batch.length : -1 };
  }

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
        const made = await attention(l, parts.attention, attending, x, batch, before);
        a = made.a;
        if (made.kept) kept.set(batch.first, made.kept);
      }
      for (const way of ways) {
        const runs = way.attention || way.mlp;
        streams.push(runs ? await updated(l, parts, way, x, way.attention ? a : null, batch) : x);
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

/** What kernels need of a layer that its graph alone has: m, and x + a where that does not leave the layer. */
function heldTaps({ x, a, m }: UpdateTaps): Record<string, Value> {
  return m ? { m, ...a ? { h: Add(x, a) } : {} } : {};
}
