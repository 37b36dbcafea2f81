/** Streams put through the last layer, whatever layer they left: what the model would say if it ended there. */
import type { Held } from "../../engine/mod.ts";
import { freeStates, type State } from "../held.ts";
import { branches } from "../plan/trie.ts";
import { runner, type RunnerOptions } from "../runner.ts";
import { type Batch, batchesOf } from "../segments.ts";
import type { DropPlan } from "../../measure/mod.ts";

/** What runs: some texts, of which each stream has a row for every token; under a plan. */
type LastOptions = Omit<RunnerOptions, "plans" | "probes" | "onProgress"> & { readonly plan: DropPlan };

/**
 * Gives `use` the streams behind the last layer, by stream and batch; they are freed in the end. `upload` makes a stream of a batch
 * [B·T, D]. Throws as `forward` does.
 */
export async function throughLast<T>(
  { plan, ...options }: LastOptions,
  streams: number,
  upload: (stream: number, batch: Batch) => Held,
  use: (streams: readonly (readonly Held[])[], batches: readonly Batch[]) => Promise<T>,
): Promise<T> {
  const { layers } = options.model.spec;
  const last = layers.length - 1;
  const batches = batchesOf(options.segments);
  const plans = Array.from({ length: streams }, () => plan);
  const run = runner({ ...options, plans }, 0);
  let states = plans.map((_, i): State => ({
    plans: [i],
    batches: batches.map((batch) => upload(i, batch)),
  }));
  try {
    const ways = states.map((state) => branches(plans, state.plans, layers[last], last));
    states = await run.layer(last, null, states, ways, batches);
    return await use(states.map(({ batches }) => batches), batches);
  } finally {
    freeStates(states);
    await run.release();
  }
}
