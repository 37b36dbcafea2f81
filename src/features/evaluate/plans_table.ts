/** Evaluations of plans by tasks: how each plan changes each task against the full model, and how many of its answers stay the same. */
import { formatPoints, formatPointsRange, formatShare } from "core/show/words/mod.ts";
import { isFull, planPhrase } from "core/measure/mod.ts";
import type { Evaluation } from "./result.ts";
import { meanOver, type ShareMain } from "./accuracy.ts";
import { type Column, type Table, tableOf } from "core/show/tables/table.ts";

type Metric = Evaluation["tasks"][string]["metrics"][string];

/** Plans by tasks, with the mean over tasks first; no table where fewer than two plans are compared with the full model. */
export function plansTable(results: readonly Evaluation[]): Table[] {
  const plans = plansIn(results);
  if (plans.length < 2) return [];
  const mains = meanOver(plans[0]);
  const mean: Column<Evaluation>[] = plans.some(({ average }) => average)
    ? [{ title: "mean", value: ({ average }) => changeText(average?.against) }]
    : [];
  return [{
    title: "change against the full model in points, and its 95 % interval",
    ...tableOf(plans, [
      PLAN,
      ...mean,
      ...mains.map((main) => taskColumn(main, (found) => changeText(found?.against))),
    ]),
  }];
}

/** Plans by tasks: the share of answers that are the full model's. */
export function keptTable(results: readonly Evaluation[]): Table[] {
  const plans = plansIn(results);
  if (plans.length === 0) return [];
  const mains = meanOver({ ...plans[0], average: null }); // tasks that no mean counts, too
  return [{
    title: "answers kept, right or wrong: their share and its 95 % interval",
    ...tableOf(plans, [PLAN, ...mains.map((main) => taskColumn(main, (found) => keptText(found?.kept)))]),
  }];
}

const plansIn = (results: readonly Evaluation[]) =>
  results.filter(({ provenance: { drop } }) => !isFull(drop));

const PLAN: Column<Evaluation> = {
  title: "plan",
  value: ({ provenance: { drop } }) => planPhrase(drop),
  align: "left",
};

/** A column of what `text` says about a task or a group. */
function taskColumn(
  { name, members, metric }: ShareMain,
  text: (found: Pick<Metric, "against" | "kept"> | undefined) => string | null,
): Column<Evaluation> {
  return {
    title: members.length > 1 ? name : `${name} ${metric}`,
    value: ({ tasks, groups }) =>
      text(Object.hasOwn(groups, name) ? groups[name] : tasks[name]?.metrics[metric]),
  };
}

/** "96.5 % (95.1 … 97.6)"; null where nothing was compared. */
const keptText = (kept: Metric["kept"] | undefined): string | null =>
  kept ? `${formatShare(kept.value)} (${formatPointsRange(kept.low, kept.high)})` : null;

/** "−1.2 (−3.0 … 0.6)"; null where nothing was compared. */
const changeText = (found: Metric["against"] | undefined): string | null =>
  found ? `${formatPoints(found.difference)} (${formatPointsRange(found.low, found.high)})` : null;
