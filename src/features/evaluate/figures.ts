import { type Interval, mean, MODULES, planText } from "core/measure/mod.ts";
import {
  accuracyChange,
  type AccuracyCurve,
  accuracyCurves,
  accuracyOf,
  chanceOf,
  documentsOf,
  fullOf,
  meanAccuracy,
  meanOver,
} from "./accuracy.ts";
import { commonPoints, curveName, dropChart } from "../sweep/mod.ts";
import type { Evaluation } from "./result.ts";
import { dropAxis, formatPercent, linearAxis } from "core/show/chart/draw/axes.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import {
  changed,
  computedText,
  documentsText,
  type Finding,
  formatPoints,
  formatPointsRange,
  formatShare,
  modelOf,
  modules,
  reading,
  sharedText,
} from "core/show/words/mod.ts";

/**
 * Draws the mean accuracy over tasks against the number of modules dropped, then each task's, as far as a plan goes (paper, claims C1 and
 * C2). One result is that of the full model, the others of plans that were made from an order.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate, makePlan, profile } from "lamina";
 * import { accuracyFigure } from "lamina/figures";
 *
 * const importance = await profile("smollm2-135m");
 * const plans = [{}, ...[4, 8].map((drop) => makePlan(importance, { target: "attention", drop }))];
 * const results = await evaluate("smollm2-135m", plans, { tasks: ["piqa", "arc_easy"], limit: 100 });
 * const { svg, reading } = accuracyFigure(results);
 * ```
 */
export const accuracyFigure: Draw<[readonly Evaluation[]]> = figure(
  "accuracy",
  { results: () => null },
  (results) => {
    const curves = accuracyCurves(results);
    const full = fullOf(results);
    const mains = meanOver(full);
    const one = mains.length === 1;
    const { provenance, bos } = full;
    const chances = mains.map((main) => chanceOf(full, main));
    const guessing = chances.includes(null) ? null : mean(chances as number[]); // null where a task has no choices
    const tasks = mains.map((main) => {
      const [n, all] = [Math.min(...results.map((one) => documentsOf(one, main))), documentsOf(full, main)];
      return `${main.name} (${main.metric}, ${n === all ? n : documentsText(n, all)})`;
    });
    return {
      rows: curves.flatMap(({ target, by, points }) =>
        points.flatMap(({ dropped, result }) =>
          mains.map((main) => ({
            target,
            by,
            dropped,
            modules: planText(result.provenance.drop),
            task: main.name,
            metric: main.metric,
            ...accuracyOf(result.tasks, main),
          }))
        )
      ),
      title: finding(curves, full),
      shows: [
        reading`${one ? "Accuracy" : "Mean accuracy over the tasks"} by number of modules dropped; full model:
        ${{ share: meanAccuracy(full).value }}; lines: 95 % intervals${!one && "; below, each task"}. Dashed:
        chance level.`,
        sharedText(results),
      ],
      setting: [modelOf(provenance.model), tasks.join(", "), `BOS: ${bos}`, computedText(provenance)].join(
        " · ",
      ),
      reads: [`Difference from the full model at the end of each curve: ${ends(curves, full).join("; ")}.`],
      panels: [
        chart(curves, meanAccuracy, guessing),
        ...(one ? [] : mains).map((main, i) =>
          small(chart(curves, ({ tasks }) => accuracyOf(tasks, main), chances[i]), main.name)
        ),
      ],
    };
  },
);

/** Both kinds of module at one number of drops, each against the full model over the same documents. */
function finding(curves: readonly AccuracyCurve[], full: Evaluation): Finding {
  const { layers } = full.provenance.model;
  const common = commonPoints(curves, layers);
  if (!common) return { topic: "Accuracy against the number of modules dropped" };
  return changed(
    "accuracy",
    "points",
    MODULES.map((kind) => {
      const { difference, low, high } = accuracyChange(common[kind].result, full);
      const what = modules(kind, common.dropped, layers);
      return { what, value: 100 * difference, low: 100 * low, high: 100 * high };
    }),
  );
}

const ends = (curves: readonly AccuracyCurve[], full: Evaluation) =>
  curves.map((curve) => {
    const { dropped, result } = curve.points.at(-1)!;
    const { difference, low, high } = accuracyChange(result, full);
    const range = formatPointsRange(low, high, " to ");
    return `${curveName(curve)} ${formatPoints(difference)} points (${range}) at ${dropped}`;
  });

function small(panel: Panel, title: string): Panel {
  return {
    ...panel,
    x: dropAxis(panel.x.domain[1], 4),
    y: { ...panel.y, label: null },
    series: panel.series!.map(({ end: _, ...one }) => one),
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
  const drawn = curves.map(({ points, ...curve }) => ({
    ...curve,
    points: points.map(({ dropped, result }) => {
      const { value, low, high } = read(result);
      return { dropped, value, ...dropped > 0 ? { low, high } : {} };
    }),
  }));
  const all = curves.flatMap(({ points }) => points.map(({ result }) => read(result)));
  const lowest = Math.min(chance ?? 1, ...all.map(({ low }) => low));
  const highest = Math.max(chance ?? 0, ...all.map(({ high }) => high));
  const domain = [Math.max(0, lowest - 0.02), Math.min(1, highest + 0.02)] as const;
  return dropChart(drawn, {
    height: 380,
    y: { ...linearAxis(domain, "accuracy", formatPercent), rule: chance, dashed: true },
    format: formatShare,
  });
}
