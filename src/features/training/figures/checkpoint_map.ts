import { list, orElse, resultOf } from "core/entry/mod.ts";
import { KINDS, type ModuleKind } from "core/measure/mod.ts";
import type { Checkpoints } from "../result.ts";
import { medianCounts, seriesProvenance, trendsOf } from "../trends.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { countTicks, formatStep, logDomain, thinned } from "core/show/chart/draw/axes.ts";
import { logColors } from "core/show/chart/draw/heat.ts";
import { type Panel, sharing } from "core/show/chart/draw/panel.ts";
import { byKind, type Group, numbersOf } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { checkpointRows } from "../table.ts";
import { counts, KIND_NAMES, reading, settingsOf } from "core/show/words/mod.ts";

/**
 * Draws importance by layer and step, a map for each kind of module (paper, v6, figure 7); several series below each other. All maps share
 * one logarithmic colour scale, and layer 0 is set apart, as in the paper's figure. Throws `RangeError` for an empty list.
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
export const checkpointMapFigure: Draw<[Checkpoints | readonly Checkpoints[]]> = figure("checkpoint_map", {
  result: orElse(Array.isArray, list(resultOf("checkpoints"), "checkpoints", 1), resultOf("checkpoints")),
}, (results) => {
  const all = [results].flat().map((result) => ({
    name: result.name,
    provenance: seriesProvenance(result),
    rows: checkpointRows(result).map((row): CsvRow => ({ series: result.name, ...row })),
    counts: medianCounts(result),
    paths: KINDS.map((kind) => path(result, kind)),
  }));
  const several = all.length > 1;
  const rows = all.flatMap(({ rows }) => rows);
  const colors = logColors(logDomain(numbersOf(rows, "importance")), "importance (log)");
  return {
    rows,
    title: {
      topic: "Importance through training",
      found: all.some(({ counts }) => counts.all > 0) &&
        `Attention is more redundant than the MLP at ${counts(all, "below", ["steps", "at"])}`,
    },
    shows: [
      "Importance of each module (colour) by layer and training step; layer 0 is set apart at the bottom.",
    ],
    setting: settingsOf(all.map(({ provenance }) => provenance)),
    reads: all.flatMap(({ name, paths }) => [several && `${name}:`, ...paths]),
    panels: [
      ...all.flatMap(({ name, rows }) =>
        sharing(
          byKind(rows).map((group, i) =>
            map(group, colors.colorOf, several ? [{ text: i === 0 ? name : "", across: true }] : [])
          ),
        )
      ),
      colors.legend,
    ],
  };
});

function path(result: Checkpoints, kind: ModuleKind): string {
  const name = KIND_NAMES[kind];
  const known = trendsOf(result, kind).flatMap(({ step, median }) =>
    median === null ? [] : [{ step: String(step), measured: median }]
  );
  if (known.length === 0) return `${name}: no values.`;
  const [first, last] = [known[0], known.at(-1)!];
  const least = known.reduce((low, next) => next.measured < low.measured ? next : low);
  return reading`${name}, median of the layers from 1 up: ${first} at step ${first.step}, lowest at step
    ${least.step} (${least}), ${last} at step ${last.step}.`;
}

const HALF = 0.48;

/** Layer 0 is apart at the bottom; values above 0 have a colour. */
function map(
  { label, color, rows }: Group<CsvRow>,
  colorOf: (importance: number) => string,
  above: NonNullable<Panel["headings"]>,
): Panel {
  const steps = [...new Set(numbersOf(rows, "step"))];
  const layers = Math.max(...numbersOf(rows, "layer")) + 1;
  const rowOf = (layer: number) => layer === 0 ? 0 : layer + 1; // a gap above layer 0
  return {
    height: 330 + 18 * above.length,
    headings: [...above, { text: label, color }],
    x: {
      domain: [-0.5, steps.length - 0.5],
      ticks: thinned(steps.map((_, i) => i), 4),
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
    cells: rows.flatMap(({ step, layer, importance }) => {
      if (typeof importance !== "number" || importance <= 0) return [];
      const [x, y] = [steps.indexOf(Number(step)), rowOf(Number(layer))];
      const says = reading`${label}, layer ${layer}, step ${String(step)}: ${{ measured: importance }}`;
      return [{ x1: x - HALF, x2: x + HALF, y1: y - HALF, y2: y + HALF, fill: colorOf(importance), says }];
    }),
  };
}
