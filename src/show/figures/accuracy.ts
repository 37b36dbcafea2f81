/** Accuracy of benchmark tasks against the number of modules dropped (paper, claims C1 and C2), with its interval for every plan. */
import * as Plot from "@observablehq/plot";
import type { Interval } from "../../measure/mod.ts";
import { accuracyOf, type Evaluation, meanOver, SCORES, type ShareMain } from "../../result/mod.ts";
import {
  accuracyChange,
  type AccuracyCurve,
  accuracyCurves,
  chanceOf,
  documentsOf,
  type Dropped,
  fullOf,
  meanAccuracy,
} from "../chart/accuracy.ts";
import { AXIS_X, COLORS, countTicks, endLabels, FRAME } from "../chart/axes.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatPoints, formatPointsRange, formatShare } from "../chart/numbers.ts";
import { curveName, isByImportance, isSeeded, widthOf } from "../chart/scores.ts";
import { computedText, describeDrop, KIND_NAMES, modelOf } from "../chart/setting.ts";
import { drawFigure, FAINT, type Figure, INK, WIDTH } from "../chart/svg.ts";

/** Units between the intervals of two curves at the same number. */
const APART = 5;

/** What a panel shows of a result: a share with its interval. */
type Read = (result: Evaluation) => Interval;

/**
 * Draws the mean accuracy over tasks, then each task's, as far as a plan goes. `plans` are those of the results, in their order;
 * one of them is the full model.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { accuracyFigure, evaluate, makePlan, profile } from "lamina";
 *
 * const importance = await profile("smollm2-135m");
 * const plans = [{}, ...[4, 8].map((drop) => makePlan(importance, { target: "attention", drop }))];
 * const results = await evaluate("smollm2-135m", plans, { tasks: ["piqa", "arc_easy"], limit: 100 });
 * const { svg, reading } = accuracyFigure(results, plans);
 * ```
 */
export function accuracyFigure(results: readonly Evaluation[], plans: readonly Dropped[]): Figure {
  const curves = accuracyCurves(results, plans);
  const full = fullOf(results);
  const mains = meanOver(full);
  const one = mains.length === 1;
  const { provenance } = full;
  return drawFigure({
    name: "accuracy",
    title: titleOf(curves, full),
    subtitle:
      `${
        one ? "Accuracy" : "Mean accuracy over the tasks"
      } by number of modules dropped; lines: 95 % intervals` +
      `${one ? "" : "; below, each task"}. Dashed: chance level.`,
    setting: `${modelOf(provenance.model)} · ${
      mains.map((main) => `${main.name} (${main.metric}, ${documentsOf(full, main)})`).join(", ")
    } · BOS: ${full.bos} · ${computedText(provenance)}`,
    reading: readingOf(curves, full),
    panels: [
      panel(curves, meanAccuracy, meanChance(full, mains), { title: null, width: WIDTH, height: 380 }),
      ...one
        ? []
        : mains.map((main) =>
          panel(curves, ({ tasks }) => accuracyOf(tasks, main), chanceOf(full, main), {
            title: main.name,
            width: WIDTH / 2,
            height: 230,
          })
        ),
    ],
    rows: curves.flatMap(({ target, by, points }) =>
      points.flatMap(({ dropped, result }) =>
        mains.map((main) => ({
          target: KIND_NAMES[target],
          by,
          dropped,
          modules: describeDrop(result.provenance.drop),
          task: main.name,
          metric: main.metric,
          ...accuracyOf(result.tasks, main),
        }))
      )
    ),
  });
}

/** Guessing, over tasks; null where a task has no choices. */
function meanChance(result: Evaluation, mains: readonly ShareMain[]): number | null {
  const chances = mains.map((main) => chanceOf(result, main));
  if (chances.some((chance) => chance === null)) return null;
  return (chances as number[]).reduce((sum, chance) => sum + chance, 0) / chances.length;
}

/** Attention and MLPs by importance at the same number: the nearest to a quarter of the layers. */
function titleOf(curves: readonly AccuracyCurve[], full: Evaluation): string {
  const of = (wanted: string) =>
    curves.find((curve) => curve.target === wanted && isByImportance(curve))?.points.slice(1) ?? [];
  const [attention, mlp] = [of("attention"), of("mlp")];
  const quarter = full.provenance.model.layers / 4;
  const [common] = attention.map(({ dropped }) => dropped)
    .filter((dropped) => mlp.some((point) => point.dropped === dropped))
    .sort((a, b) => Math.abs(a - quarter) - Math.abs(b - quarter));
  if (common === undefined) return "Accuracy against the number of modules dropped";
  const at = (points: typeof attention) =>
    formatShare(meanAccuracy(points.find(({ dropped }) => dropped === common)!.result).value);
  return `${common} dropped: accuracy ${at(attention)} without attention, ${
    at(mlp)
  } without MLPs; full model ${formatShare(meanAccuracy(full).value)}`;
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

function panel(
  curves: readonly AccuracyCurve[],
  read: Read,
  chance: number | null,
  { title, width, height }: { title: string | null; width: number; height: number },
): Plot.PlotOptions {
  const wide = title === null;
  const longest = Math.max(...curves.map((curve) => curveName(curve).length));
  const frame = {
    ...FRAME,
    width,
    height,
    marginRight: wide ? Math.max(FRAME.marginRight, 20 + 9 * longest) : 14,
  };
  const lines = curves.map((curve, c) => ({
    curve,
    shift: APART * (c - (curves.length - 1) / 2),
    points: curve.points.map(({ dropped, result }) => ({ dropped, ...read(result) })),
  }));
  const all = lines.flatMap(({ points }) => points);
  const most = Math.max(1, ...all.map(({ dropped }) => dropped));
  const lowest = Math.min(chance ?? 1, ...all.map(({ low }) => low));
  const highest = Math.max(chance ?? 0, ...all.map(({ high }) => high));
  const y = { type: "linear", domain: [Math.max(0, lowest - 0.02), Math.min(1, highest + 0.02)] } as const;
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  return {
    ...frame,
    x: { domain: [0, most] },
    y: { ...y, domain: [...y.domain] },
    marks: [
      Plot.gridY({ stroke: "#d0d7de", strokeOpacity: 1, ticks: wide ? 8 : 4 }),
      Plot.axisY({
        color: FAINT,
        tickSize: 0,
        labelOffset: 42,
        labelArrow: "up",
        label: wide ? "accuracy" : null,
        tickFormat: percent,
        ticks: wide ? 8 : 4,
      }),
      Plot.axisX(countTicks(most, wide ? 8 : 4), {
        ...AXIS_X,
        tickFormat: String,
        label: "modules dropped",
      }),
      ...chance === null ? [] : [Plot.ruleY([chance], { stroke: INK, strokeDasharray: "4 4" })],
      ...title === null ? [] : [Plot.text([title], {
        frameAnchor: "top-left",
        text: String,
        fontWeight: 600,
        fill: INK,
        dy: -26,
        textAnchor: "start",
      })],
      ...lines.flatMap(({ curve, points, shift }) => {
        const { target, by } = curve;
        const stroke = COLORS[target];
        const dash = SCORES[by].dash;
        const label = curveName(curve);
        return [
          Plot.ruleX(points.slice(1), {
            x: "dropped",
            y1: "low",
            y2: "high",
            stroke,
            strokeWidth: 3,
            strokeOpacity: 0.25,
            dx: shift,
          }),
          Plot.line(points, {
            x: "dropped",
            y: "value",
            stroke,
            strokeWidth: widthOf(by),
            ...dash && { strokeDasharray: dash },
          }),
          dots(points, {
            x: "dropped",
            y: "value",
            color: stroke,
            shape: SHAPES[target],
            hollow: isSeeded(curve),
            title: ({ dropped, value }) => `${label}, ${dropped} dropped: ${formatShare(value)}`,
          }),
        ];
      }),
      ...wide
        ? endLabels(
          lines.map(({ curve, points }) => ({
            x: Math.max(...lines.map(({ points }) => points.at(-1)!.dropped)), // clear of longer lines
            y: points.at(-1)!.value,
            text: curveName(curve),
            color: COLORS[curve.target],
            plain: !isByImportance(curve),
          })),
          { ...frame, y: { ...y, domain: [...y.domain] } },
        )
        : [],
    ],
  };
}
