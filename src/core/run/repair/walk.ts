/**
 * Walks streams through the layers where what becomes of a layer is decided when its input is known: a repair is solved from the
 * streams around its place, and the streams behind it follow from the repair. All batches are at the same layer.
 */
import { released } from "../../entry/mod.ts";
import type { Held } from "../../engine/mod.ts";
import { type DropPlan, everyChange, planOf } from "../../measure/mod.ts";
import { freeAll, type State } from "../held.ts";
import { branches } from "../plan/trie.ts";
import { variantOf } from "../plan/variants.ts";
import type { Programs } from "../programs.ts";
import { runner, type RunnerOptions } from "../runner.ts";
import { batchesOf } from "../segments.ts";

/** A plan for one layer, and the stream that it runs on. */
type Way = { readonly plan: DropPlan; readonly from: number };

/** A stream [N, D], a batch after the other. */
export type Stream = readonly Held[];

/** Streams on their way through the layers. */
export type Walk = Awaited<ReturnType<typeof openWalk>>;

/**
 * `count` streams that enter layer 0, the same as long as their plans agree. With `programs`, modules of one kind are compiled once for
 * all layers. Throws as `forward` does.
 */
export async function openWalk(
  options: Omit<RunnerOptions, "plans" | "probes" | "onProgress"> & { readonly programs?: Programs },
  count: number,
) {
  const { model: { spec: { layers } }, segments } = options;
  const batches = batchesOf(segments);
  const entering: Held[] = [];
  await using embedder = released(runner({ ...options, plans: [] }, 0));
  try {
    for (const batch of batches) entering.push(await embedder.embedding(batch));
  } catch (error) {
    freeAll(entering);
    throw error;
  }
  let streams: Stream[] = Array.from({ length: count }, () => entering);

  /** The streams that leave the next layer, by the way that they take. */
  let known: { readonly from: Stream; readonly key: Key; readonly stream: Stream }[] = [];

  /**
   * The streams behind a layer, in the order of the ways. Those that are known are not run again, and an MLP is run on a known stream
   * behind its attention. All stay the walk's until the layer is passed.
   */
  async function run(l: number, ways: readonly Way[]): Promise<Stream[]> {
    const wanted = ways.map(({ plan, from }) => ({ plan, from: streams[from], key: keyOf(plan, l) }));
    const missing = wanted.filter(({ from, key }) => !knownAt(from, key));
    const starts = missing.map(({ plan, from, key: [attention, mlp] }) => {
      const behind = mlp !== "nothing" && layers[l].residual !== "parallel" &&
        knownAt(from, [attention, "nothing"]);
      return behind ? { plan: withoutAttention(plan, l), stream: behind } : { plan, stream: from };
    });
    const plans = starts.map(({ plan }) => plan);
    const states = [...Map.groupBy(starts.keys(), (i) => starts[i].stream)]
      .map(([stream, plans]): State => ({ plans, batches: [...stream] }));
    const parted = states.map((state) => branches(plans, state.plans, layers[l], l));
    await using own = released(runner({ ...options, plans }, 0, options.programs));
    const left = missing.length > 0 ? await own.layer(l, null, states, parted, batches, true) : [];
    for (const [i, { from, key }] of missing.entries()) {
      known.push({ from, key, stream: left.find((state) => state.plans.includes(i))!.batches });
    }
    return wanted.map(({ from, key }) => knownAt(from, key)!);
  }

  function knownAt(from: Stream, [attention, mlp]: Key): Stream | undefined {
    if (attention === "nothing" && mlp === "nothing") return from;
    const found = known.find(({ from: other, key }) =>
      other === from && key[0] === attention && key[1] === mlp
    );
    return found?.stream;
  }

  function keyOf(plan: DropPlan, l: number): Key {
    const layer = layers[l];
    return [variantOf(plan, layer, l, "attention").key, variantOf(plan, layer, l, "mlp").key];
  }

  /** Frees all streams but those that are kept. */
  function free(kept: readonly Stream[]): void {
    const needed = new Set(kept.flat());
    const all = [...streams, ...known.map(({ stream }) => stream)].flat();
    freeAll(new Set(all.filter((held) => !needed.has(held))));
    known = [];
  }

  return {
    batches,
    /** The streams that enter the next layer; they stay the walk's. */
    get streams(): readonly Stream[] {
      return streams;
    },
    /** The streams as they would leave layer l, which is the next, by some ways; they stay the walk's, for as long as `use` runs. */
    through: async <T>(
      l: number,
      ways: readonly Way[],
      use: (streams: readonly Stream[]) => Promise<T>,
    ): Promise<T> => await use(await run(l, ways)),
    /** Passes layer l, each stream under its plan. */
    async pass(l: number, plans: readonly DropPlan[]): Promise<void> {
      const left = await run(l, plans.map((plan, from) => ({ plan, from })));
      free(left);
      streams = left;
    },
    close: () => free([]),
  };
}

/** The variants of attention and MLP. */
type Key = readonly [string, string];

function withoutAttention(plan: DropPlan, layer: number): DropPlan {
  const rest = everyChange(plan).filter((change) => change.layer !== layer || change.module !== "attention");
  return planOf([...rest, { layer, module: "attention", to: "nothing" }]);
}
