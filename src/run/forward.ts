/**
 * The executor: layer by layer, all states together.
 *
 * A state is a residual stream shared by the plans that agree so far, cut into batches of samples. Every state passes
 * through layer l before layer l + 1 is touched, so each weight is read once. A module that no plan of a state keeps is
 * not run. Where the states would outgrow the budget, samples are split into groups, and each group reads the weights
 * again: a model larger than memory is the normal case.
 */
import type { DropPlan } from "./plan.ts";
import { type Runner, runner, type RunnerOptions } from "./runner.ts";
import { type Batch, freeStates, type State } from "./state.ts";
import { branches, countModules } from "./trie.ts";

/** What to run. */
export interface ForwardOptions extends RunnerOptions {
  readonly plans: readonly DropPlan[];
  /** Bytes that the states may take; default: 512 MiB. */
  readonly budget?: number | undefined;
  /** Takes the streams that leave the last layer, a group of samples after the other; they are the taker's to free. */
  readonly finish?: ((states: readonly State[], batches: readonly Batch[]) => Promise<void>) | undefined;
}

/** Tokens that one run of a module should have: enough to make the weights' way into the cache worth it. */
const BATCH_TOKENS = 2048;
const DEFAULT_BUDGET = 512 * 2 ** 20;

/**
 * Runs the layers; gives the number of modules executed (counted once for all samples). Throws `RangeError` if a
 * module produces non-finite numbers: no probe sees them.
 */
export async function forward(options: ForwardOptions): Promise<number> {
  const { model, plans } = options;
  const groups = sampleGroups(options);
  const modules = countModules(model.spec.layers, plans);
  const total = modules * groups.reduce((sum, batches) => sum + batches.length, 0);
  const run = runner(options, total);
  try {
    for (const batches of groups) {
      const states = await runLayers(options, batches, run);
      if (options.finish) await options.finish(states, batches);
      else freeStates(states);
    }
  } finally {
    await run.release();
  }
  return modules;
}

/**
 * Batches of samples, in groups whose states fit the budget together (one batch at least). How samples are batched
 * depends on their length alone, so the streams of two runs over the same blocks match.
 */
function sampleGroups({ model, blocks, plans, budget = DEFAULT_BUDGET }: ForwardOptions): Batch[][] {
  const { samples, length } = blocks;
  const distinct = new Set(plans.map((plan) => JSON.stringify(plan))).size;
  const perBatch = Math.max(1, Math.floor(BATCH_TOKENS / length));
  const batchBytes = distinct * perBatch * length * model.spec.hidden * Float32Array.BYTES_PER_ELEMENT;
  const perGroup = Math.max(1, Math.floor(budget / batchBytes));
  const batches: Batch[] = [];
  for (let first = 0; first < samples; first += perBatch) {
    batches.push({ first, count: Math.min(perBatch, samples - first) });
  }
  return Array.from(
    { length: Math.ceil(batches.length / perGroup) },
    (_, g) => batches.slice(g * perGroup, (g + 1) * perGroup),
  );
}

/** Passes the samples of some batches through all layers. What it holds is freed if it fails. */
async function runLayers({ model, plans }: ForwardOptions, batches: Batch[], run: Runner): Promise<State[]> {
  const { layers } = model.spec;
  let states: State[] = [{ plans: plans.map((_, index) => index), batches: [] }];
  try {
    for (const batch of batches) states[0].batches.push(await run.embedding(batch));
    for (let l = 0; l < layers.length; l++) {
      const ways = states.map((state) => branches(plans, state.plans, layers[l], l));
      if (ways.flat().every((way) => !way.attention && !way.mlp)) continue;
      states = await run.layer(l, states, ways, batches);
    }
  } catch (error) {
    freeStates(states);
    throw error;
  }
  return states;
}
