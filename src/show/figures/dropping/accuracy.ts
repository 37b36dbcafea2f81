/** Accuracy of benchmark tasks against the number of modules dropped (paper, claims C1 and C2), with its interval for every plan. */
import { type Interval, mean, planText } from "../../../measure/mod.ts";
import { accuracyOf, type Evaluation, meanOver, type ShareMain } from "../../../result/mod.ts";
import {
  accuracyChange,
  type AccuracyCurve,
  accuracyCurves,
  chanceOf,
  documentsOf,
  type Dropped,
  fullOf,
  meanAccuracy,
} from "../../chart/accuracy.ts";
import { dropAxis, formatPercent } from "../../chart/draw/axes.ts";
import { commonPoints, dropChart } from "../../chart/curves.ts";
import { formatPoints, formatPointsRange, formatShare } from "../../chart/numbers.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { computedText, curveName, KIND_NAMES, modelOf } from "../../chart/setting.ts";
import { sharedText } from "../../chart/shared.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** accuracyCurves checks results and plans together. */
const anything = () => null;

/**
 * Draws the mean accuracy over tasks, then each task's, as far as a plan goes. `plans` are those of the results, in their order;
 * one of them is the full model.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate, makePlan, profile } from "lamina";
 * import { accuracyFigure } from "lamina/figures";
 *
 * const importance = await profile("smollm2-135m");
 * const plans = [{}, ...[4, 8].map((drop) => makePlan(importance, { target: "attention", drop }))];
 * const results = await evaluate("smollm2-135m", plans, { tasks: ["piqa", "arc_easy"], limit: 100 });
 * const { svg, reading } = accuracyFigure(results, plans);
 * ```
 */
export const accuracyFigure: Draw<[readonly Evaluation[], readonly Dropped[]]> = figure(
  "accuracy",
  { results: anything, plans: anything },
  (results, plans) => {
    const curves = accuracyCurves(results, plans);
    const full = fullOf(results);
    const mains = meanOver(full);
    const one = mains.length === 1;
    const { provenance, bos } = full;
    const tasks = mains.map((main) => `${main.name} (${main.metric}, ${documentsOf(full, main)})`);
    return {
      title: titleOf(curves, full),
      subtitle:
        (one
          ? "Accuracy by number of modules dropped; lines: 95 % intervals. Dashed: chance level."
          : "Mean accuracy over the tasks by number of modules dropped; lines: 95 % intervals; below, each task. " +
            "Dashed: chance level.") + sharedText(results),
      setting: `${modelOf(provenance.model)} · ${tasks.join(", ")} · BOS: ${bos} · ${
        computedText(provenance)
      }`,
      reading: readingOf(curves, full),
      panels: [
        chart(curves, meanAccuracy, meanChance(full, mains)),
        ...(one ? [] : mains).map((main) =>
          small(chart(curves, ({ tasks }) => accuracyOf(tasks, main), chanceOf(full, main)), main.name)
        ),
      ],
      rows: curves.flatMap(({ target, by, points }) =>
        points.flatMap(({ dropped, result }) =>
          mains.map((main) => ({
            target: KIND_NAMES[target],
            by,
            dropped,
            modules: planText(result.provenance.drop),
            task: main.name,
            metric: main.metric,
            ...accuracyOf(result.tasks, main),
          }))
        )
      ),
    };
  },
);

/** Guessing, over tasks; null where a task has no choices. */
function meanChance(result: Evaluation, mains: readonly ShareMain[]): number | null {
  const chances = mains.map((main) => chanceOf(result, main));
  if (chances.some((chance) => chance === null)) return null;
  return mean(chances as number[]);
}

function titleOf(curves: readonly AccuracyCurve[], full: Evaluation): string {
  const common = commonPoints(curves, full.provenance.model.layers);
  if (!common) return "Accuracy against the number of modules dropped";
  const { dropped, attention, mlp } = common;
  const [one, other, all] = [attention.result, mlp.result, full]
    .map((result) => formatShare(meanAccuracy(result).value));
  const { low, high } = accuracyChange(attention.result, mlp.result);
  const unclear = low <= 0 && high >= 0 ? "; cannot tell which costs more" : "";
  return `${dropped} dropped: accuracy ${one} without attention, ${other} without MLPs; full model ${all}${unclear}`;
}

function readingOf(curves: readonly AccuracyCurve[], full: Evaluation): string {
  const ends = curves.map((curve) => {
    const { dropped, result } = curve.points.at(-1)!;
    const { difference, low, high } = accuracyChange(result, full);
    const range = formatPointsRange(low, high, " to ");
    return `${curveName(curve)} ${formatPoints(difference)} points (${range}) at ${dropped}`;
  });
  return `Difference from the full model at the end of each curve: ${ends.join("; ")}.`;
}

/** One task, half as wide; the lines have their names in the chart of the mean. */
function small(panel: Panel, title: string): Panel {
  const series = (panel.series ?? []).map(({ end: _, ...one }) => one);
  const x = dropAxis(panel.x.domain[1], 4);
  return {
    ...panel,
    x,
    y: { ...panel.y, label: null },
    series,
    part: 1 / 2,
    height: 230,
    headings: [{ text: title }],
  };
}

function chart(
  curves: readonly AccuracyCurve[],
  read: (result: Evaluation) => Interval,
  chance: number | null,
): Panel {
  const drawn = curves.map(({ target, by, points }) => ({
    target,
    by,
    points: points.map(({ dropped, result }) => {
      const { value, low, high } = read(result);
      return { dropped, value, ...dropped > 0 ? { low, high } : {} };
    }),
  }));
  const all = curves.flatMap(({ points }) => points.map(({ result }) => read(result)));
  const lowest = Math.min(chance ?? 1, ...all.map(({ low }) => low));
  const highest = Math.max(chance ?? 0, ...all.map(({ high }) => high));
  return dropChart(drawn, {
    height: 380,
    y: {
      domain: [Math.max(0, lowest - 0.02), Math.min(1, highest + 0.02)],
      label: "accuracy",
      format: formatPercent,
      grid: true,
      rule: chance,
      dashed: true,
    },
    format: formatShare,
  });
}
