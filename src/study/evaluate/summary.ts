/** From documents to the numbers of tasks, groups and their average, next to the full model's. */
import { bootstrapDifference, calibrationError, equivalence } from "../../measure/mod.ts";
import type { Evaluation } from "../../result/mod.ts";
import { averaged, type Estimate, estimate, type Metric, pooled } from "../../tasks/mod.ts";
import type { Part } from "./asked.ts";
import type { Item } from "./items.ts";

/** A task or a group, and the number of it that counts. */
export interface Main {
  readonly name: string;
  readonly members: readonly string[];
  readonly metric: Metric;
}

type Summary = Pick<Evaluation, "tasks" | "groups" | "average">;
type Task = Evaluation["tasks"][string];

/** A plan's summary; `full` is the full model's, over the same documents. */
export function summarise(
  parts: readonly { readonly part: Part; readonly items: readonly Item[] }[],
  mains: readonly Main[],
  full: Summary | null,
  margin: number,
): Summary {
  const tasks: Record<string, Task> = {};
  for (const { part: { setting } } of parts) {
    const { task, shots } = setting;
    if (task.name in tasks) continue;
    const items = parts.filter(({ part }) => part.setting.task === task).flatMap(({ items }) => items);
    const metrics = Object.fromEntries(task.metrics.map((metric) => {
      const own = estimate(metric, items.map((item) => ({ [metric]: item[metric]! })));
      const against = full && metric !== "perplexity"
        ? differenceOf(metric, items, full.tasks[task.name].items, margin)
        : null;
      return [metric, { value: own.value, stderr: finite(own.stderr), against }];
    }));
    const tokens = items.reduce((sum, item) => sum + item.tokens.reduce((a, b) => a + b, 0), 0);
    const perToken = (key: "kl" | "top1") =>
      tokens === 0 ? null : items.reduce((sum, item) => sum + item[key], 0) / tokens;
    tasks[task.name] = {
      version: task.version,
      shots,
      n: items.length,
      ...Object.fromEntries(Object.entries(metrics).map(([metric, { value }]) => [metric, value])),
      metrics,
      kl: perToken("kl"),
      top1: perToken("top1"),
      ece: calibrationOf(items),
      cut: items.filter(({ cut }) => cut > 0).length,
      items,
    };
  }
  const groups = Object.fromEntries(
    mains.filter(({ members }) => members.length > 1).map((
      { name, members },
    ) => [name, groupOf(tasks, members)]),
  );
  return { tasks, groups, average: averageOf(tasks, groups, mains) };
}

function differenceOf(metric: Metric, items: readonly Item[], full: readonly Item[], margin: number) {
  const differences = items.map((item, i) => item[metric]! - full[i][metric]!);
  return {
    ...bootstrapDifference(differences),
    equivalence: equivalence(differences, margin),
    margin,
  };
}

/** The choices' likelihoods as shares that sum to one: how sure the likeliest is, against how often it is right. */
function calibrationOf(items: readonly Item[]): number | null {
  const scored = items.filter(({ gold }) => gold !== null);
  if (scored.length === 0) return null;
  const sure = scored.map(({ loglikelihoods }) => {
    const most = Math.max(...loglikelihoods);
    return 1 / loglikelihoods.reduce((sum, one) => sum + Math.exp(one - most), 0);
  });
  return calibrationError(sure, scored.map(({ acc }) => acc === 1));
}

function groupOf(
  tasks: Readonly<Record<string, Task>>,
  members: readonly string[],
): Evaluation["groups"][string] {
  const of = members.map((name): Estimate => {
    const { n, metrics: { acc } } = tasks[name];
    return { value: acc.value, stderr: acc.stderr ?? NaN, documents: n };
  });
  const { value, stderr, documents } = pooled(of);
  return { tasks: [...members], n: documents, acc: value, stderr: finite(stderr) };
}

/** The unweighted mean of the main numbers, its error as if the tasks were independent; what is in a larger group counts there. */
function averageOf(
  tasks: Readonly<Record<string, Task>>,
  groups: Evaluation["groups"],
  mains: readonly Main[],
): Evaluation["average"] {
  const isInside = ({ members }: Main) =>
    mains.some((other) =>
      other.members.length > members.length && members.every((name) => other.members.includes(name))
    );
  const shares = mains.filter((main) => main.metric !== "perplexity" && !isInside(main));
  if (shares.length < 2) return null;
  const { value, stderr } = averaged(shares.map(({ name, members, metric }): Estimate => {
    const { value, stderr } = members.length > 1
      ? { value: groups[name].acc, stderr: groups[name].stderr }
      : tasks[members[0]].metrics[metric];
    return { value, stderr: stderr ?? NaN, documents: 0 };
  }));
  return { value, of: shares.map(({ name, metric }) => `${name} ${metric}`), stderr: finite(stderr) };
}

const finite = (value: number): number | null => Number.isFinite(value) ? value : null;
