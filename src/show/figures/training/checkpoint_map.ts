/**
 * Importance by layer and step, one map per kind of module (paper, v6, figure 7), a row of them per series. All share one
 * logarithmic colour scale: a colour means the same in every map. Layer 0 stands apart, as in the paper's figure.
 */
import { list, orElse, resultOf } from "../../../entry/mod.ts";
import { KINDS, type ModuleKind } from "../../../measure/mod.ts";
import type { Checkpoints } from "../../../result/mod.ts";
import { countTicks, formatStep, logDomain, thinned } from "../../chart/draw/axes.ts";
import { seriesProvenance, type Trend, trendsOf } from "../../chart/checkpoint_trends.ts";
import { COLORS } from "../../chart/draw/colors.ts";
import { logColors } from "../../chart/draw/heat.ts";
import { formatNumber } from "../../chart/numbers.ts";
import { type Panel, sharing } from "../../chart/draw/panel.ts";
import { KIND_NAMES, settingsOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { medianSign, type Sign, tally, unknownText } from "../../chart/told.ts";

/**
 * Draws the maps of attention, MLP and block side by side; of several series below each other, on one scale. Throws
 * `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { checkpointMapFigure } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = checkpointMapFigure(result);
 * ```
 */
export const checkpointMapFigure: Draw<[Checkpoints | readonly Checkpoints[]]> = figure(
  "checkpoint_map",
  { result: orElse(Array.isArray, list(resultOf("checkpoints"), "checkpoints", 1), resultOf("checkpoints")) },
  (results) => {
    const all = [results].flat() as readonly Checkpoints[];
    const rows = all.map((result) => ({
      name: result.name,
      result,
      trends: KINDS.map((kind) => trendsOf(result, kind)),
      signs: result.series.flatMap((entry) => medianSign(entry) ?? []),
    }));
    const importances = all.flatMap(({ series }) =>
      series.flatMap((entry) => KINDS.flatMap((kind) => entry[kind].importance.map((value) => value ?? 0)))
    );
    const colors = logColors(logDomain(importances), "importance (log)");
    const named = (name: string, text: string) => all.length > 1 ? `${name}: ${text}` : text;
    return {
      title: titleOf(rows),
      subtitle:
        "Importance of each module (colour) by layer and training step; layer 0 is set apart at the bottom.",
      setting: settingsOf(all.map(seriesProvenance)),
      reading: rows.map(({ name, trends }) =>
        named(name, KINDS.map((kind, i) => readingOf(KIND_NAMES[kind], trends[i])).join(" "))
      ).join(" "),
      panels: [
        ...rows.flatMap(({ name, result }) =>
          sharing(KINDS.map((kind, i) => {
            const above = all.length === 1 ? [] : [{ text: i === 0 ? name : "", across: true }];
            return map(result, kind, colors.colorOf, above);
          }))
        ),
        colors.legend,
      ],
      rows: all.flatMap(({ name, series }) =>
        series.flatMap(({ step, ...modules }) =>
          KINDS.flatMap((kind) =>
            modules[kind].importance.map((importance, layer) => (
              { module: KIND_NAMES[kind], series: name, layer, step, importance }
            ))
          )
        )
      ),
    };
  },
);

/** At how many steps the samples tell that attention is the less important one. */
function titleOf(rows: readonly { readonly name: string; readonly signs: readonly Sign[] }[]): string {
  const counts = rows.flatMap(({ name, signs }) => {
    if (signs.length === 0) return [];
    const { below, all, ...rest } = tally(signs);
    const where = rows.length > 1 ? ` of ${name}` : "";
    return [`${below} of ${all} steps${where}${unknownText(rest, "at")}`];
  });
  if (counts.length === 0) return "Importance through training";
  return `Attention is more redundant than the MLP at ${counts.join(", ")}`;
}

function readingOf(name: string, trend: readonly Trend[]): string {
  const known = trend.filter(({ median }) => median !== null);
  if (known.length === 0) return `${name}: no values.`;
  const [first, last] = [known[0], known.at(-1)!];
  const least = known.reduce((low, next) => next.median! < low.median! ? next : low);
  const [start, low, end] = [first, least, last].map(({ median }) => formatNumber(median!));
  return `${name}, median of the layers from 1 up: ${start} at step ${first.step}, lowest at ` +
    `step ${least.step} (${low}), ${end} at step ${last.step}.`;
}

/** The row of a layer, from the bottom, with a gap above layer 0. */
const rowOf = (layer: number) => layer === 0 ? 0 : layer + 1;

/** Half the size of a cell, in columns and rows. */
const HALF = 0.48;

function map(
  { series }: Checkpoints,
  kind: ModuleKind,
  colorOf: (importance: number) => string,
  above: NonNullable<Panel["headings"]>,
): Panel {
  const layers = Math.max(...series.map((entry) => entry[kind].importance.length));
  const steps = series.map(({ step }) => step);
  const columns = steps.map((_, i) => i);
  return {
    height: 330 + 18 * above.length,
    headings: [...above, { text: KIND_NAMES[kind], color: COLORS[kind] }],
    x: {
      domain: [-0.5, steps.length - 0.5],
      ticks: thinned(columns, 4),
      format: (i) => formatStep(steps[i]),
      label: "step",
    },
    y: {
      domain: [-0.5, rowOf(layers - 1) + 0.5],
      ticks: countTicks(layers - 1).map(rowOf),
      format: (row) => String(Math.max(0, row - 1)),
      label: "layer",
      turned: true,
    },
    cells: series.flatMap((entry, x) =>
      entry[kind].importance.flatMap((importance, layer) => {
        if (importance === null || importance <= 0) return [];
        const says = `${KIND_NAMES[kind]}, layer ${layer}, step ${entry.step}: ${formatNumber(importance)}`;
        const y = rowOf(layer);
        return [{ x1: x - HALF, x2: x + HALF, y1: y - HALF, y2: y + HALF, fill: colorOf(importance), says }];
      })
    ),
  };
}
