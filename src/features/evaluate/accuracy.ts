/** The accuracy of an evaluation and how it differs from another's, for a study and for what shows it alike. */
import { expect, list, resultOf, sum } from "core/entry/mod.ts";
import {
  type AccuracyChange,
  type AnyChanges,
  changeOver,
  changesOf,
  type Interval,
  isFull,
  meanInterval,
  shareInterval,
} from "core/measure/mod.ts";
import type { Evaluation } from "./result.ts";
import type { ScoreName, Target } from "core/result/mod.ts";

type Tasks = Evaluation["tasks"];

/** A task or a group, and the number of it that counts. */
export interface Main {
  readonly name: string;
  /** Its tasks; a task is its own. */
  readonly members: readonly string[];
  readonly metric: ShareMetric | "perplexity";
}

/** Numbers that are shares of right answers. */
type ShareMetric = "acc" | "acc_norm" | "strict" | "flexible";

export interface ShareMain extends Main {
  readonly metric: ShareMetric;
}

/** Those of some main numbers that a mean is over: shares, of which none is within another's group. */
export function sharesOf(mains: readonly Main[]): ShareMain[] {
  const isInside = ({ members }: Main) =>
    mains.some((other) =>
      other.members.length > members.length && members.every((name) => other.members.includes(name))
    );
  return mains.filter((main): main is ShareMain => main.metric !== "perplexity" && !isInside(main));
}

/** What the mean of an evaluation is over: what its average names; without one, each group and each task outside of groups. */
export function meanOver({ tasks, groups, average }: Evaluation): ShareMain[] {
  const membersOf = (name: string) => groups[name]?.tasks ?? [name];
  if (average) {
    return average.of.map((text) => {
      const [name, metric] = text.split(" ");
      return { name, members: membersOf(name), metric: metric as ShareMetric };
    });
  }
  const inGroups = new Set(Object.values(groups).flatMap((group) => group.tasks));
  const names = [...Object.keys(groups), ...Object.keys(tasks).filter((name) => !inGroups.has(name))];
  return sharesOf(names.map((name) => ({
    name,
    members: membersOf(name),
    metric: usualMetric(Object.keys(tasks[membersOf(name)[0]].metrics)),
  })));
}

/** The share of a task that counts where nothing else is said, as lm-eval's tables have it. */
function usualMetric(metrics: readonly string[]): ShareMetric {
  const shares = metrics.filter((metric) => metric !== "perplexity") as ShareMetric[];
  return shares.includes("acc_norm") ? "acc_norm" : shares[0];
}

/** What each document of a main number contributes, 0 or 1. */
const answersOf = (tasks: Tasks, { members, metric }: ShareMain) =>
  members.flatMap((name) => tasks[name].items.map((item) => item[metric]!));

const inRounds = (tasks: Tasks, { members }: Main) => members.some((name) => tasks[name].drawn);

/** All documents that a task's numbers are about; of those, `n` were asked. */
export const allOf = ({ n, drawn }: Tasks[string]): number => drawn?.of ?? n;

/** Whether documents were asked until verdicts were known. */
export const isInRounds = ({ tasks }: Evaluation): boolean => Object.values(tasks).some(({ drawn }) => drawn);

export function accuracyOf(tasks: Tasks, main: ShareMain): Interval {
  if (inRounds(tasks, main)) {
    const own = main.members.map((name) => tasks[name]);
    const parts = own.map(({ metrics: { [main.metric]: { value, low, high } } }) => (
      { value, low: low!, high: high! }
    ));
    return meanInterval(parts, own.map(allOf));
  }
  const answers = answersOf(tasks, main);
  return shareInterval(sum(answers), answers.length);
}

export function meanAccuracyOf(tasks: Tasks, mains: readonly ShareMain[]): Interval {
  return meanInterval(mains.map((main) => accuracyOf(tasks, main)));
}

/** How the answers that a main number counts differ from another evaluation's. */
export function changesIn(tasks: Tasks, base: Tasks, main: ShareMain): AnyChanges {
  if (!inRounds(tasks, main)) return changesOf(answersOf(tasks, main), answersOf(base, main));
  return { rounds: roundsIn(tasks, base, main) };
}

/** Changes of a main number's answers in the order of rounds. */
function roundsIn(tasks: Tasks, base: Tasks, { members, metric }: ShareMain): number[] {
  return members.flatMap((name) => {
    const { items, drawn } = tasks[name];
    const others = itemsLike(items, base[name].items);
    return items.map((item, i) => ({ round: drawn!.rounds[i], change: item[metric]! - others[i][metric]! }));
  }).sort((a, b) => a.round - b.round).map(({ change }) => change);
}

/** Those of some items that are about the same documents as others, in the others' order. */
export function itemsLike<T extends { readonly index: number }>(
  like: readonly { readonly index: number }[],
  items: readonly T[],
): T[] {
  const byIndex = new Map(items.map((item) => [item.index, item]));
  return like.map(({ index }) => byIndex.get(index)!);
}

/** Plans of one target and order, in the order of drops, the full model first. */
export interface AccuracyCurve {
  readonly target: Target;
  readonly by: ScoreName;
  readonly points: readonly { readonly dropped: number; readonly result: Evaluation }[];
}

/** The largest drop in accuracy that counts as no degradation, unless an evaluation has its own. */
export const ACCURACY_MARGIN = 0.02;

/** The unweighted mean over tasks and groups, with its 95 % interval. */
export const meanAccuracy = (result: Evaluation): Interval => meanAccuracyOf(result.tasks, meanOver(result));

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
  const margin = known.find(({ against }) => against)?.against?.margin ?? ACCURACY_MARGIN;
  return changeOver(mains.map((main) => changesIn(run.tasks, base.tasks, main)), margin);
}

export function documentsOf({ tasks }: Evaluation, { members }: ShareMain): number {
  return sum(members, (name) => tasks[name].n);
}

/** Throws `RangeError` unless both have the same documents, or the run's were asked in rounds and are among the other's. */
function expectSame(name: string, { n, items, drawn }: Tasks[string], other: Tasks[string] | undefined) {
  const known = new Map(other?.items.map(({ index, hash }) => [index, hash]));
  const fits = drawn || other?.n === n && !other.drawn;
  if (fits && items.every(({ index, hash }) => known.get(index) === hash)) return;
  throw new RangeError(`Cannot compare accuracies of ${name}: found different documents, expected the same`);
}

/** Results of plans as curves. Throws `RangeError` where the full model is missing. */
export function accuracyCurves(results: readonly Evaluation[]): AccuracyCurve[] {
  expect("compare plans", "results", results, list(resultOf("evaluate"), "evaluations", 1));
  const full = fullOf(results);
  const made = results.flatMap((result) => result.order ? [{ ...result.order, result }] : []);
  const groups = Map.groupBy(made, ({ target, by, seed, repair }) => `${target} ${by} ${seed} ${repair}`);
  return [...groups.values()].map((members) => ({
    target: members[0].target,
    by: members[0].by,
    points: [{ dropped: 0, result: full }, ...members.toSorted((a, b) => a.dropped - b.dropped)],
  }));
}

export function fullOf(results: readonly Evaluation[]): Evaluation {
  const full = results.find(({ provenance: { drop } }) => isFull(drop));
  if (full) return full;
  throw new RangeError("Cannot compare plans: found no result of the full model, expected one");
}
