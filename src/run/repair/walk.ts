/**
 * Walks streams through the layers where what becomes of a layer is decided when its input is known: a repair is solved from the
 * streams around its place, and the streams behind it follow from the repair. All batches are at the same layer.
 */
import type { Held } from "../../engine/mod.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { freeAll, type State } from "../held.ts";
import { branches } from "../plan/trie.ts";
import type { Probe } from "../probes/probe.ts";
import { runner, type RunnerOptions } from "../runner.ts";
import { type Batch, batchesOf } from "../segments.ts";

/** A plan for one layer, and the stream that it runs on. */
export interface Way {
  readonly plan: DropPlan;
  readonly from: number;
}

/** A stream [N, D], a batch after the other. */
export type Stream = readonly Held[];

/** Streams on their way through the layers. */
export interface Walk {
  readonly batches: readonly Batch[];
  /** The streams that enter the next layer; they stay the walk's. */
  readonly streams: readonly Stream[];
  /** The streams as they would leave layer l by some ways, for as long as `use` runs. Probes count the ways as plans. */
  through<T>(
    l: number,
    ways: readonly Way[],
    use: (streams: readonly Stream[]) => Promise<T>,
    probes?: readonly Probe[],
  ): Promise<T>;
  /** Passes layer l, each stream under its plan. */
  pass(l: number, plans: readonly DropPlan[]): Promise<void>;
  close(): void;
}

type WalkOptions = Omit<RunnerOptions, "plans" | "probes" | "onProgress">;

/** `count` streams that enter layer 0, the same as long as their plans agree. Throws as `forward` does. */
export async function openWalk(options: WalkOptions, count: number): Promise<Walk> {
  const { model: { spec: { layers } }, segments } = options;
  const batches = batchesOf(segments);
  const entering: Held[] = [];
  const embedder = runner({ ...options, plans: [] }, 0);
  try {
    for (const batch of batches) entering.push(await embedder.embedding(batch));
  } catch (error) {
    freeAll(entering);
    throw error;
  } finally {
    await embedder.release();
  }
  let streams: Stream[] = Array.from({ length: count }, () => entering);

  /** The streams behind a layer, in the order of the ways. Those that enter it stay. */
  async function run(l: number, ways: readonly Way[], probes: readonly Probe[] = []): Promise<Stream[]> {
    const plans = ways.map(({ plan }) => plan);
    const states = [...Map.groupBy(ways.keys(), (i) => streams[ways[i].from])]
      .map(([stream, plans]): State => ({ plans, batches: [...stream] }));
    const parted = states.map((state) => branches(plans, state.plans, layers[l], l));
    const own = runner({ ...options, plans, probes }, 0);
    try {
      const left = await own.layer(l, null, states, parted, batches, true);
      return ways.map((_, i) => left.find((state) => state.plans.includes(i))!.batches);
    } finally {
      await own.release();
    }
  }

  /** Frees streams, but for those that are needed still. */
  function drop(some: readonly Stream[], needed: readonly Stream[]): void {
    const kept = new Set(needed.flat());
    freeAll(new Set(some.flat().filter((held) => !kept.has(held))));
  }

  return {
    batches,
    get streams() {
      return streams;
    },
    async through(l, ways, use, probes) {
      const left = await run(l, ways, probes);
      try {
        return await use(left);
      } finally {
        drop(left, streams);
      }
    },
    async pass(l, plans) {
      const left = await run(l, plans.map((plan, from) => ({ plan, from })));
      const entered = streams;
      streams = left;
      drop(entered, left);
    },
    close: () => drop(streams, []),
  };
}
