import { KINDS } from "core/measure/mod.ts";
import type { Checkpoints } from "../result.ts";
import { medianRatios, seriesText, type Trend, trendsOf } from "../trends.ts";
import { logAxis, logDomain, stepAxis } from "core/show/chart/draw/axes.ts";
import { COLORS, lookOfKind } from "core/show/chart/draw/colors.ts";
import { type Panel, sharing } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { type Finding, formatFixed, formatNumber, KIND_NAMES, reading } from "core/show/words/mod.ts";

/** Draws importance over training steps: median and range of the layers from 1 up, and layer 0; a panel for each kind of module. */
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
      rows: all.map(({ kind, step, first, median, lowest, highest }) => (
        { module: kind, step, layer_0: first, median, lowest, highest }
      )),
      title: finding(result),
      shows: ["Importance of the layers from 1 up: median (line) and range (band). Dashed: layer 0."],
      setting: seriesText(result),
      reads: all.some(({ median }) => median !== null)
        ? trends.map(lastRange)
        : ["The model has only layer 0."],
      panels: sharing(trends.map((trend) => chart(trend, domain))),
    };
  },
);

/** How attention's importance compares with the MLP's at both ends, and whether the samples tell them apart there. */
function finding(result: Checkpoints): Finding {
  const ratios = medianRatios(result)
    .map(({ ratio, sign }) => `${formatFixed(ratio, 2)}${sign === 0 ? " (cannot tell from 1)" : ""}`);
  return {
    topic: "Importance through training",
    found: ratios.length > 0 &&
      reading`Attention's median importance as a multiple of the MLP's: ${ratios[0]} at the first step,
        ${ratios.at(-1)} at the last`,
  };
}

function lastRange(trend: readonly Trend[]): string {
  const last = trend.findLast(({ median }) => median !== null);
  if (!last) return "";
  const { kind, step, lowest, highest, first } = last;
  const [from, to, top] = [lowest, highest, first].map((value) =>
    value === null ? "absent" : formatNumber(value)
  );
  return `${KIND_NAMES[kind]} at step ${step}: ${from} to ${to}; layer 0: ${top}.`;
}

function chart(trend: readonly Trend[], domain: readonly [number, number]): Panel {
  const { kind } = trend[0];
  const name = KIND_NAMES[kind];
  const deeper = trend.map(({ step: x, median: y, lowest, highest }) => {
    if (y === null || lowest === null || highest === null) return { x, y };
    const [middle, low, high] = [y, lowest, highest].map((measured) => ({ measured }));
    const says = reading`${name}, step ${String(x)}: median ${middle}, ${low} to ${high}`;
    return { x, y, says, ...lowest > 0 ? { low: lowest, high: highest } : {} };
  });
  const first = trend.map(({ step: x, first: y }) => (
    { x, y, ...y === null ? {} : { says: reading`${name}, layer 0, step ${String(x)}: ${{ measured: y }}` } }
  ));
  return {
    height: 360,
    headings: [{ text: name, color: COLORS[kind] }],
    x: stepAxis(trend.map(({ step }) => step), 4),
    y: logAxis(domain, "importance (log)"),
    series: [
      { ...lookOfKind(kind), points: deeper, width: 2.5, band: true },
      { ...lookOfKind(kind), points: first, width: 1.5, dash: "5 4", r: 2, hollow: true },
    ],
  };
}
