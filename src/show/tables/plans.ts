/** Evaluations of several plans in one table: how each plan changes each task, against the full model over the same documents. */
import { isFull, planPhrase } from "../../measure/mod.ts";
import { type Evaluation, meanOver, type ShareMain } from "../../result/mod.ts";
import { formatPoints, formatPointsRange } from "../chart/numbers.ts";
import { type Column, type Table, tableOf } from "./table.ts";

type Against = Evaluation["tasks"][string]["metrics"][string]["against"];

/** Plans by tasks, with the mean over tasks first; no table where fewer than two plans are compared with the full model. */
export function plansTable(results: readonly Evaluation[]): Table[] {
  const plans = results.filter(({ provenance: { drop } }) => !isFull(drop));
  if (plans.length < 2) return [];
  const mains = meanOver(plans[0]);
  const mean: Column<Evaluation>[] = plans.some(({ average }) => average)
    ? [{ title: "mean", value: ({ average }) => changeText(average?.against) }]
    : [];
  return [{
    title: "change against the full model in points, and its 95 % interval",
    ...tableOf(plans, [
      { title: "plan", value: ({ provenance: { drop } }) => planPhrase(drop), align: "left" },
      ...mean,
      ...mains.map((main): Column<Evaluation> => ({
        title: main.members.length > 1 ? main.name : `${main.name} ${main.metric}`,
        value: (result) => changeText(againstOf(result, main)),
      })),
    ]),
  }];
}

/** How a task or a group differs from the full model's. */
function againstOf({ tasks, groups }: Evaluation, { name, metric }: ShareMain): Against | undefined {
  return Object.hasOwn(groups, name) ? groups[name].against : tasks[name]?.metrics[metric]?.against;
}

/** "−1.2 (−3.0 … 0.6)"; null where nothing was compared. */
function changeText(against: Against | undefined): string | null {
  if (!against) return null;
  const { difference, low, high } = against;
  return `${formatPoints(difference)} (${formatPointsRange(low, high)})`;
}
