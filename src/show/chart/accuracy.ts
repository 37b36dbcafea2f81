/**
 * Benchmark tasks under plans that drop more and more: the mean over tasks, and how it differs from the full model's over the same
 * documents. Each task counts once, however many documents it has.
 */
import { expect, list, resultOf } from "../../entry/mod.ts";
import { bootstrapDifference, equivalence } from "../../measure/mod.ts";
import type { Evaluation, Plan } from "../../result/mod.ts";

/** What was left out: a plan, or nothing, which is the full model. */
export type Dropped = Plan | { readonly attention?: readonly number[]; readonly mlp?: readonly number[] };

/** How a plan's mean accuracy differs from the full model's. */
export interface AccuracyChange {
  /** A share: −0.01 is a point lost. */
  readonly difference: number;
  /** Lower end of the 95 % interval, of a bootstrap over documents. */
  readonly low: number;
  /** Its upper end. */
  readonly high: number;
  /** p of two one-sided tests: below 0.05, the two are equal but for `margin`; null for a single document. */
  readonly equivalence: number | null;
  /** What counts as no degradation. */
  readonly margin: number;
  /** Documents of all tasks. */
  readonly n: number;
}

/** Plans of one target and order, in the order of drops, the full model first. */
export interface AccuracyCurve {
  readonly target: Plan["target"];
  readonly by: Plan["by"];
  readonly points: readonly { readonly dropped: number; readonly result: Evaluation }[];
}

/** What counts as no degradation where the evaluation does not say. */
const MARGIN = 0.02;

type Task = Evaluation["tasks"][string];

/** The number of a task that counts, as lm-eval's tables have it. */
export function mainOf(
  { metrics }: Task,
): { readonly name: "acc" | "acc_norm"; readonly value: number; stderr: number | null } {
  const name = "acc_norm" in metrics ? "acc_norm" : "acc";
  return { name, ...metrics[name] };
}

/** The unweighted mean over tasks; its error as if they were independent. */
export function meanAccuracy(
  { tasks }: Evaluation,
): { readonly value: number; readonly stderr: number | null } {
  const mains = Object.values(tasks).map(mainOf);
  const errors = mains.map(({ stderr }) => stderr);
  return {
    value: mains.reduce((sum, { value }) => sum + value, 0) / mains.length,
    stderr: errors.every((error) => error !== null) ? Math.hypot(...errors) / mains.length : null,
  };
}

/** What guessing would give: the mean share of one choice; null for tasks without choices. */
export function chanceOf({ items }: Task): number | null {
  const chosen = items.filter(({ gold }) => gold !== null);
  if (chosen.length === 0) return null;
  return chosen.reduce((sum, { loglikelihoods }) => sum + 1 / loglikelihoods.length, 0) / chosen.length;
}

/**
 * How the mean accuracy under a plan differs from another's, paired over documents. Throws `RangeError` for different documents.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { accuracyChange, evaluate } from "lamina";
 *
 * const [full, dropped] = await evaluate("smollm2-135m", [{}, { attention: [25] }], { tasks: ["piqa"], limit: 100 });
 * const { difference, low, high, equivalence } = accuracyChange(dropped, full);
 * console.log(difference, low, high, equivalence);
 * ```
 */
export function accuracyChange(run: Evaluation, base: Evaluation): AccuracyChange {
  expect("compare accuracies", "run", run, resultOf("evaluate"));
  expect("compare accuracies", "base", base, resultOf("evaluate"));
  const tasks = Object.entries(run.tasks);
  const all = tasks.reduce((sum, [, { n }]) => sum + n, 0);
  const differences = tasks.flatMap(([name, task]) => {
    const other = base.tasks[name];
    const same = other !== undefined && other.n === task.n &&
      task.items.every(({ index, hash }, i) =>
        index === other.items[i].index && hash === other.items[i].hash
      );
    if (!same) {
      throw new RangeError(`Cannot compare accuracies of ${name}: found other documents, expected the same`);
    }
    const metric = mainOf(task).name;
    const weight = all / (tasks.length * task.n); // of a document, so that each task counts once
    return task.items.map((item, i) => weight * (item[metric]! - other.items[i][metric]!));
  });
  const told = tasks.flatMap(([, { metrics }]) => Object.values(metrics)).find(({ against }) => against);
  const margin = told?.against?.margin ?? MARGIN;
  return {
    ...bootstrapDifference(differences),
    equivalence: equivalence(differences, margin),
    margin,
    n: all,
  };
}

/** Results and their plans as curves. Throws `RangeError` if they are not as many, or none is the full model's. */
export function accuracyCurves(results: readonly Evaluation[], plans: readonly Dropped[]): AccuracyCurve[] {
  expect("compare plans", "results", results, list(resultOf("evaluate"), "evaluations", 1));
  if (results.length !== plans.length) {
    throw new RangeError(
      `Cannot compare plans: found ${results.length} results of ${plans.length} plans, expected one of each`,
    );
  }
  const full = fullOf(results);
  const made = plans.flatMap((plan, i) =>
    "kind" in plan && plan.order.length > 0 ? [{ plan, result: results[i] }] : []
  );
  const groups = Map.groupBy(made, ({ plan: { target, by, seed } }) => `${target} ${by} ${seed}`);
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

/** The full model's among results. */
export function fullOf(results: readonly Evaluation[]): Evaluation {
  const full = results.find(({ provenance: { drop } }) => drop.attention.length + drop.mlp.length === 0);
  if (full) return full;
  throw new RangeError("Cannot compare plans: none of the results is the full model's, expected it too");
}
