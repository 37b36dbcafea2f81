/**
 * The executor: layer by layer, all states together.
 *
 * A state is a residual stream shared by the plans that agree so far, cut into batches of samples. Every state passes
 * through layer l before layer l + 1 is touched, so each weight is read once. A module that no plan of a state keeps is
 * not run. Where the states would outgrow the budget, batches are split into groups, and each group reads the weights that
 * are not at hand again: a model larger than memory is the normal case.
 */
import { closed, released } from "../entry/mod.ts";
import { engineWithin, openResidents } from "../engine/mod.ts";
import { MODULES, planHash } from "../measure/mod.ts";
import { expectForks, scoring } from "../models/mod.ts";
import { freeStates, type State } from "./held.ts";
import { branches, countModules, entering, variantsIn } from "./plan/trie.ts";
import { type Runner, runner, type RunnerOptions } from "./runner.ts";
import { areTexts, type Batch, batchesOf, pastLength, type Segment } from "./segments.ts";

export interface ForwardOptions extends RunnerOptions {
  /** Bytes that the states may take; default: 512 MiB. */
  readonly budget?: number | undefined;
  /** Sees the streams that leave the last layer, by groups of batches. They are freed after it, but for the states it returns. */
  readonly finish?:
    | ((
      states: readonly State[],
      batches: readonly Batch[],
    ) => readonly State[] | Promise<readonly State[] | void>)
    | undefined;
}

/** Bytes that the states of all plans take together, where nothing else is said: one batch may take more. */
export const DEFAULT_BUDGET = 512 * 2 ** 20;

/**
 * Runs the layers; gives the number of modules executed (counted once for all samples). Throws `RangeError` if a
 * module produces non-finite numbers: no probe sees them.
 */
export async function forward(options: ForwardOptions): Promise<number> {
  const { model, plans, segments } = options;
  if (segments.some(({ past, parents }) => past !== null || parents)) {
    expectForks(model.spec, `run segments of ${model.name} that continue one text`);
  }
  const groups = groupsOf(options);
  const modules = countModules(model.spec.layers, plans);
  const total = modules * groups.reduce((sum, batches) => sum + batches.length, 0);
  const again = groups.length > 1 ? residentsOf(options) : null; // else each weight is read once
  using _residents = again && closed(again.residents);
  await using run = released(runner(again ? { ...options, engine: again.engine } : options, total));
  for (const batches of groups) {
    const states = await runLayers(options, batches, run);
    let kept: readonly State[] = [];
    try {
      kept = await options.finish?.(states, batches) ?? [];
    } finally {
      freeStates(states.filter((state) => !kept.includes(state)));
    }
    run.forget();
  }
  return modules;
}

/** The engine with weights at hand for the next group of batches; null where a study has them at hand already. */
function residentsOf({ model: { weights }, engine }: ForwardOptions) {
  if (engine.residents?.of === weights) return null;
  const { memoryBytes } = engine.has;
  const residents = openResidents(weights, memoryBytes);
  return { residents, engine: engineWithin(engine, memoryBytes, residents) };
}

/**
 * Batches in groups whose states fit the budget together (one batch at least). What a batch continues is in its group too: a
 * segment runs again for every group that has some of what continues it.
 */
function groupsOf({ model, segments, plans, budget = DEFAULT_BUDGET }: ForwardOptions): Batch[][] {
  const distinct = new Set(plans.map(planHash)).size;
  const masks = new Set(model.spec.layers.map(({ attention }) => scoring(attention)?.window)).size;
  const batches = batchesOf(segments);
  const byFirst = new Map(batches.map((batch) => [batch.first, batch]));
  const groups: Batch[][] = [];
  let left = 0;

  function bytesOf(batch: Batch): number {
    const seen = areTexts(segments, batch) ? 0 : masks * (pastLength(segments, batch.first) + batch.length);
    return batch.count * batch.length * Float32Array.BYTES_PER_ELEMENT *
      (distinct * model.spec.hidden + seen);
  }

  function add(batch: Batch): void {
    groups.at(-1)!.push(batch);
    left -= bytesOf(batch);
  }

  for (const batch of batches) {
    const pasts = pastsOf(segments, batch.first).map((past) => byFirst.get(past)!);
    const missing = () => pasts.filter((past) => !groups.at(-1)!.includes(past));
    const fits = groups.length > 0 &&
      [...missing(), batch].reduce((sum, more) => sum + bytesOf(more), 0) <= left;
    if (!fits) {
      groups.push([]);
      left = budget;
    }
    for (const past of missing()) add(past);
    add(batch);
  }
  return groups;
}

/** The segments that a segment continues, the beginning of the text first. */
function pastsOf(segments: readonly Segment[], index: number): number[] {
  const { past } = segments[index];
  return past === null ? [] : [...pastsOf(segments, past), past];
}

/** Passes some batches through all layers. What it holds is freed if it fails. */
async function runLayers({ model, plans }: ForwardOptions, batches: Batch[], run: Runner): Promise<State[]> {
  const { layers } = model.spec;
  const everyPlan = [...plans.keys()];
  const runs = (l: number) => {
    const ways = branches(plans, everyPlan, layers[l], l);
    return MODULES.some((module) => variantsIn(ways, module).length > 0);
  };
  let states: State[] = entering(plans).map((own) => ({ plans: own, batches: [] }));
  try {
    for (const { plans: [first], batches: streams } of states) {
      for (const batch of batches) streams.push(await run.embedding(batch, plans[first]));
    }
    const running = layers.keys().filter(runs).toArray();
    for (const [i, l] of running.entries()) {
      const ways = states.map((state) => branches(plans, state.plans, layers[l], l));
      states = await run.layer(l, running[i + 1] ?? null, states, ways, batches);
    }
  } catch (error) {
    freeStates(states);
    throw error;
  }
  return states;
}
