/** Importance over training steps: median and range of the layers from 1 up, and layer 0; one panel per kind of module. */
import { KINDS } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Checkpoints } from "../../result/mod.ts";
import { COLORS, logAxisY, logDomain } from "../chart/axes.ts";
import { stepAxis, stepScale } from "../chart/checkpoint_axis.ts";
import { seriesSetting, type Trend, trendsOf } from "../chart/checkpoint_trends.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES } from "../chart/setting.ts";
import { drawFigure, type Figure, WIDTH } from "../chart/svg.ts";

/**
 * Draws how importance moves through training.
 *
 * @example
 * ```ts
 * import { checkpointLinesFigure, checkpoints, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = checkpointLinesFigure(result);
 * ```
 */
export function checkpointLinesFigure(result: Checkpoints): Figure {
  expect("draw", "result", result, resultOf("checkpoints"));
  const trends = KINDS.map((kind) => trendsOf(result, kind));
  const all = trends.flat();
  const domain = logDomain(
    all.flatMap(({ first, lowest, highest }) => [first ?? 0, lowest ?? 0, highest ?? 0]),
  );
  return drawFigure({
    name: "checkpoint_lines",
    title: titleOf(trends[0], trends[1]),
    subtitle: "Importance of the layers from 1 up: median (line) and range (band). Dashed: layer 0.",
    setting: seriesSetting(result),
    reading: KINDS.flatMap((kind, i) => rangeOf(KIND_NAMES[kind], trends[i])).join(" ") ||
      "The model has only layer 0.",
    panels: trends.map((trend, i) => panel(trend, domain, i === 0)),
    rows: all.map(({ kind, step, first, median, lowest, highest }) => (
      { module: KIND_NAMES[kind], step, layer_0: first, median, lowest, highest }
    )),
  });
}

/** How attention's importance compares with the MLP's at both ends. */
function titleOf(attention: readonly Trend[], mlp: readonly Trend[]): string {
  const ratios = attention.flatMap(({ median }, i) => {
    const other = mlp[i].median;
    return median && other ? [median / other] : [];
  });
  if (ratios.length === 0) return "Importance through training";
  return `Attention's median importance is ${formatFixed(ratios[0], 2)} times the MLP's at the first step, ${
    formatFixed(ratios.at(-1)!, 2)
  } at the last`;
}

function rangeOf(name: string, trend: readonly Trend[]): string[] {
  const last = trend.findLast(({ median }) => median !== null);
  if (!last) return [];
  const { step, lowest, highest, first } = last;
  return [
    `${name} at step ${step}: ${formatNumber(lowest!)} to ${formatNumber(highest!)}; layer 0: ${
      first === null ? "absent" : formatNumber(first)
    }.`,
  ];
}

/** Right of each panel, for half of the last step's label. */
const RIGHT = 20;

function panel(trend: readonly Trend[], domain: readonly [number, number], first: boolean): Plot.PlotOptions {
  const steps = trend.map(({ step }) => step);
  const { kind } = trend[0];
  const left = first ? 66 : 12;
  const drawn = (value: number | null) => value && value > 0 ? value : NaN;
  const scale = stepScale(steps);
  return {
    width: Math.floor((WIDTH - 66 - 3 * RIGHT - 2 * 12) / 3) + left + RIGHT,
    height: 360,
    marginLeft: left,
    marginRight: RIGHT,
    marginTop: 56,
    marginBottom: 50,
    x: { ...scale, domain: [...scale.domain] },
    y: { type: "log", domain: [...domain], axis: null },
    marks: [
      ...logAxisY(domain, "importance (log)").slice(0, first ? 2 : 1),
      stepAxis(steps, 4),
      Plot.areaY(trend.filter(({ lowest }) => lowest !== null && lowest > 0), {
        x: "step",
        y1: "lowest",
        y2: "highest",
        fill: COLORS[kind],
        fillOpacity: 0.16,
      }),
      Plot.line(trend, {
        x: "step",
        y: ({ median }) => drawn(median),
        stroke: COLORS[kind],
        strokeWidth: 2.5,
      }),
      dots(trend.filter(({ median }) => median && median > 0), {
        x: "step",
        y: "median",
        color: COLORS[kind],
        shape: SHAPES[kind],
        title: ({ step, median, lowest, highest }) =>
          `${KIND_NAMES[kind]}, step ${step}: median ${formatNumber(median!)}, ${formatNumber(lowest!)} to ${
            formatNumber(highest!)
          }`,
      }),
      Plot.line(trend, {
        x: "step",
        y: ({ first }) => drawn(first),
        stroke: COLORS[kind],
        strokeWidth: 1.5,
        strokeDasharray: "5 4",
      }),
      dots(trend.filter(({ first }) => first && first > 0), {
        x: "step",
        y: "first",
        color: COLORS[kind],
        shape: SHAPES[kind],
        hollow: true,
        title: ({ step, first }) => `${KIND_NAMES[kind]}, layer 0, step ${step}: ${formatNumber(first!)}`,
        r: 2,
      }),
      Plot.text([kind], {
        frameAnchor: "top",
        text: () => KIND_NAMES[kind],
        fill: COLORS[kind],
        fontWeight: 600,
        dy: -16,
      }),
    ],
  };
}
