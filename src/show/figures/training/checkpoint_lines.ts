/** Importance over training steps: median and range of the layers from 1 up, and layer 0; one panel per kind of module. */
import { KINDS } from "../../../measure/mod.ts";
import type { Checkpoints } from "../../../result/mod.ts";
import { logAxis, logDomain, stepAxis } from "../../chart/draw/axes.ts";
import { seriesSetting, type Trend, trendsOf } from "../../chart/checkpoint_trends.ts";
import { COLORS, lookOf } from "../../chart/draw/colors.ts";
import { formatFixed, formatNumber } from "../../chart/numbers.ts";
import { type Panel, sharing } from "../../chart/draw/panel.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { medianSign } from "../../chart/told.ts";

/**
 * Draws how importance moves through training.
 *
 * @example
 * ```ts
 * import { checkpointLinesFigure } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = checkpointLinesFigure(result);
 * ```
 */
export const checkpointLinesFigure: Draw<[Checkpoints]> = figure(
  "checkpoint_lines",
  "checkpoints",
  (result) => {
    const trends = KINDS.map((kind) => trendsOf(result, kind));
    const all = trends.flat();
    const domain = logDomain(
      all.flatMap(({ first, lowest, highest }) => [first ?? 0, lowest ?? 0, highest ?? 0]),
    );
    return {
      title: titleOf(result),
      subtitle: "Importance of the layers from 1 up: median (line) and range (band). Dashed: layer 0.",
      setting: seriesSetting(result),
      reading: KINDS.flatMap((kind, i) => rangeOf(KIND_NAMES[kind], trends[i])).join(" ") ||
        "The model has only layer 0.",
      panels: sharing(trends.map((trend) => chart(trend, domain))),
      rows: all.map(({ kind, step, first, median, lowest, highest }) => (
        { module: KIND_NAMES[kind], step, layer_0: first, median, lowest, highest }
      )),
    };
  },
);

/** How attention's importance compares with the MLP's at both ends, and whether the samples tell them apart there. */
function titleOf(result: Checkpoints): string {
  const [attention, mlp] = [trendsOf(result, "attention"), trendsOf(result, "mlp")];
  const ratios = attention.flatMap(({ median }, i) => {
    const other = mlp[i].median;
    if (!median || !other) return [];
    return [
      `${formatFixed(median / other, 2)}${medianSign(result.series[i]) === 0 ? " (cannot tell from 1)" : ""}`,
    ];
  });
  if (ratios.length === 0) return "Importance through training";
  return `Attention's median importance as a multiple of the MLP's: ${ratios[0]} at the first step, ${ratios
    .at(-1)!} at the last`;
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

function chart(trend: readonly Trend[], domain: readonly [number, number]): Panel {
  const { kind } = trend[0];
  const name = KIND_NAMES[kind];
  const deeper = trend.map(({ step: x, median: y, lowest, highest }) => {
    if (y === null || lowest === null || highest === null) return { x, y };
    const [middle, low, high] = [y, lowest, highest].map(formatNumber);
    const says = `${name}, step ${x}: median ${middle}, ${low} to ${high}`;
    return { x, y, says, ...lowest > 0 ? { low: lowest, high: highest } : {} };
  });
  const first = trend.map(({ step: x, first: y }) => (
    { x, y, ...y === null ? {} : { says: `${name}, layer 0, step ${x}: ${formatNumber(y)}` } }
  ));
  return {
    height: 360,
    headings: [{ text: name, color: COLORS[kind] }],
    x: stepAxis(trend.map(({ step }) => step), 4),
    y: logAxis(domain, "importance (log)"),
    series: [
      { ...lookOf(kind), points: deeper, width: 2.5, band: true },
      { ...lookOf(kind), points: first, width: 1.5, dash: "5 4", r: 2, hollow: true },
    ],
  };
}
