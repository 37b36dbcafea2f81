import { list, resultOf } from "../../../entry/mod.ts";
import type { Causes } from "../../../result/mod.ts";
import { indexAxis, logAxis, logDomain } from "../../chart/draw/axes.ts";
import { byKind, MODULE_KEY, numbersOf } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { causesRows } from "../../tables/causes.ts";
import { reading, settingsOf } from "../../words/mod.ts";

/** The ratio of longest to shortest below which updates count as equally long. */
const ONE_LENGTH = 1.01;

/**
 * Draws the mean length of the updates by layer, a panel for each result. Where a norm follows the modules and has its initial weights,
 * all are equally long, so size says nothing about a module (claim C7). Throws `RangeError` for an empty list.
 */
export const updateNormsFigure: Draw<[readonly Causes[]]> = figure("update_norms", {
  results: list(resultOf("causes"), "results of causes", 1),
}, (results) => {
  const models = results.map(modelOf);
  const ends = models.flatMap(({ series }) =>
    series.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]))
  );
  const spans = models.toSorted((a, b) => a.measured - b.measured);
  const [least, most] = [spans[0], spans.at(-1)!];
  const each = spans.map((span) => reading`${span} in ${span.name}`);
  return {
    rows: models.flatMap(({ rows }) => rows),
    title: least.measured < ONE_LENGTH
      ? `In ${least.name}, every update has the same length`
      : reading`The longest mean update is ${least} to ${most} times the shortest`,
    shows: ["Mean length |u| of the updates by layer. Bands: ± 1 standard deviation over tokens."],
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reads: [reading`Ratio of the longest to the shortest mean update: ${each}.`],
    key: MODULE_KEY,
    panels: models.map(({ name, layers, series }) => ({
      part: 1 / 2,
      height: 260,
      headings: [{ text: name }],
      x: indexAxis(layers, "layer"),
      y: logAxis(logDomain(ends), null),
      series,
    })),
  };
});

/** The ratio of the longest to the shortest mean update, and the updates with their spread over tokens. */
function modelOf(result: Causes) {
  const rows = causesRows(result);
  const norms = numbersOf(rows, "norm").filter((norm) => norm > 0);
  return {
    name: result.provenance.model.name,
    layers: result.streamNorm.length,
    rows,
    measured: norms.length ? Math.max(...norms) / Math.min(...norms) : 1,
    series: byKind(rows).map(({ rows, label, color, shape }) => ({
      color,
      shape,
      band: true,
      points: rows.flatMap(({ layer, norm, norm_spread }) => {
        if (typeof norm !== "number" || norm === 0) return [];
        const spread = Math.min(Number(norm_spread ?? 0), 0.9);
        const says = reading`${label}, layer ${layer}: ${{ measured: norm }}`;
        return [{ x: Number(layer), y: norm, low: norm * (1 - spread), high: norm * (1 + spread), says }];
      }),
    })),
  };
}
