/**
 * Benchmark tasks under plans that drop more and more: the mean over tasks, and how it differs from the full model's over the same
 * documents. Each task or group counts once, however many documents it has, as in the average of an evaluation.
 */
import { expect, list, resultOf } from "../../entry/mod.ts";
import { type AccuracyChange, changeOver, type Interval, isFull } from "../../measure/mod.ts";
import {
  changesIn,
  type Evaluation,
  meanAccuracyOf,
  meanOver,
  type Plan,
  type ShareMain,
} from "../../result/mod.ts";

/** The modules left out: a plan, or lists of layers; empty lists are the full model. */
export type Dropped = Plan | { readonly attention?: readonly number[]; readonly mlp?: readonly number[] };

/** Plans of one target and order, in the order of drops, the full model first. */
export interface AccuracyCurve {
  readonly target: Plan["target"];
  readonly by: Plan["by"];
  readonly points: readonly { readonly dropped: number; readonly result: Evaluation }[];
}

/** The largest drop in accuracy that counts as no degradation, unless the evaluation has its own. */
const MARGIN = 0.02;

/** The unweighted mean over tasks and groups, with its 95 % interval. */
export function meanAccuracy(result: Evaluation): Interval {
  return meanAccuracyOf(result.tasks, meanOver(result));
}

/** The accuracy of guessing: the mean share of one choice; null for tasks without choices. */
export function chanceOf({ tasks }: Evaluation, { members }: ShareMain): number | null {
  const chosen = members.flatMap((name) => tasks[name].items).filter(({ gold }) => gold !== null);
  if (chosen.length === 0) return null;
  return chosen.reduce((sum, { loglikelihoods }) => sum + 1 / loglikelihoods.length, 0) / chosen.length;
}

/**
 * Returns the difference in mean accuracy between two evaluations, paired over documents. Throws `RangeError` if the documents differ.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate } from "lamina";
 * import { accuracyChange } from "lamina/figures";
 *
 * const [full, dropped] = await evaluate("smollm2-135m", [{}, { attention: [25] }], { tasks: ["piqa"], limit: 100 });
 * const { difference, low, high, verdict } = accuracyChange(dropped, full);
 * console.log(difference, low, high, verdict); // verdict: "yes", "no" or "cannot tell"
 * ```
 */
export function accuracyChange(run: Evaluation, base: Evaluation): AccuracyChange {
  expect("compare accuracies", "run", run, resultOf("evaluate"));
  expect("compare accuracies", "base", base, resultOf("evaluate"));
  for (const [name, task] of Object.entries(run.tasks)) expectSame(name, task, base.tasks[name]);
  const mains = meanOver(run);
  const known = Object.values(run.tasks).flatMap(({ metrics }) => Object.values(metrics));
  const margin = known.find(({ against }) => against)?.against?.margin ?? MARGIN;
  return changeOver(mains.map((main) => changesIn(run.tasks, base.tasks, main)), margin);
}

/** Documents of a task, or of all tasks of a group. */
export function documentsOf({ tasks }: Evaluation, { members }: ShareMain): number {
  return members.reduce((sum, name) => sum + tasks[name].n, 0);
}

type Task = Evaluation["tasks"][string];

function expectSame(name: string, { n, items }: Task, other: Task | undefined): void {
  const same = other !== undefined && other.n === n &&
    items.every(({ index, hash }, i) => index === other.items[i].index && hash === other.items[i].hash);
  if (same) return;
  throw new RangeError(`Cannot compare accuracies of ${name}: found different documents, expected the same`);
}

/** Results and their plans as curves. Throws `RangeError` if their numbers differ, or the full model is missing. */
export function accuracyCurves(results: readonly Evaluation[], plans: readonly Dropped[]): AccuracyCurve[] {
  expect("compare plans", "results", results, list(resultOf("evaluate"), "evaluations", 1));
  if (results.length !== plans.length) {
    throw new RangeError(
      `Cannot compare plans: found ${results.length} results for ${plans.length} plans, expected one per plan`,
    );
  }
  const full = fullOf(results);
  const made = plans.flatMap((plan, i) =>
    "kind" in plan && plan.order.length > 0 ? [{ plan, result: results[i] }] : []
  );
  const groups = Map.groupBy(
    made,
    ({ plan: { target, by, seed, repaired } }) => `${target} ${by} ${seed} ${repaired?.by}`,
  );
  return [...groups.values()].map((members) => ({
    target: members[0].plan.target,
    by: members[0].plan.by,
    points: [
      { dropped: 0, result: full },
      ...members.map(({ plan, result }) => ({ dropped: plan.order.length, result }))
        .sort((a, b) => a.dropped - b.dropped),
    ],
  }));
}

/** The result of the full model. */
export function fullOf(results: readonly Evaluation[]): Evaluation {
  const full = results.find(({ provenance: { drop } }) => isFull(drop));
  if (full) return full;
  throw new RangeError("Cannot compare plans: found no result of the full model, expected one");
}
