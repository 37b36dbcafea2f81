/** The accuracy of an evaluation and how it differs from another's, for a study and for what shows it alike. */
import { sum } from "../../entry/mod.ts";
import { type Changes, changesOf, type Interval, meanInterval, shareInterval } from "../../measure/mod.ts";
import type { Evaluation } from "../forms/evaluation.ts";

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

/** A main number that is a share. */
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

/** A main number with its 95 % interval, over all its documents. */
export function accuracyOf(tasks: Tasks, main: ShareMain): Interval {
  const answers = answersOf(tasks, main);
  return shareInterval(sum(answers), answers.length);
}

/** The mean of main numbers with its 95 % interval. */
export function meanAccuracyOf(tasks: Tasks, mains: readonly ShareMain[]): Interval {
  return meanInterval(mains.map((main) => accuracyOf(tasks, main)));
}

/** How the answers that a main number counts differ from another evaluation's. */
export function changesIn(tasks: Tasks, base: Tasks, main: ShareMain): Changes {
  return changesOf(answersOf(tasks, main), answersOf(base, main));
}
