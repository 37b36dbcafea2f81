/**
 * Importance against the causes that the paper names, layer by layer, in small multiples: sparse attention (claim C5), over-smoothed tokens
 * (C6), low magnitude (C7). One row per model, to compare norm placements and training steps.
 */
import { list, resultOf } from "../../../entry/mod.ts";
import { type LayerModule, MODULES } from "../../../measure/mod.ts";
import type { CauseName, Causes } from "../../../result/mod.ts";
import { airyDomain, type Axis, logAxis, logDomain, thinned } from "../../chart/draw/axes.ts";
import { COLORS, lookOf } from "../../chart/draw/colors.ts";
import { counted, formatNumber, withInterval } from "../../chart/numbers.ts";
import { type Panel, sharing } from "../../chart/draw/panel.ts";
import { KIND_NAMES, MODULE_KEY, settingsOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { correlationSign } from "../../chart/told.ts";
import { CAUSE_TITLES } from "../../tables/causes.ts";

const CAUSES: readonly { cause: CauseName; name: string; short: string }[] = [
  { cause: "normalizedEntropy", name: "entropy", short: "normalised entropy" },
  { cause: "meanCosine", name: "token similarity", short: "input mean cosine" },
  { cause: "relativeMagnitude", name: "magnitude", short: "rel. magnitude (log)" },
];

/**
 * Draws importance against three possible causes, a row of panels for each result. Throws `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { causes } from "lamina";
 * import { causesFigure } from "lamina/figures";
 *
 * const result = await causes("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = causesFigure([result]);
 * ```
 */
export const causesFigure: Draw<[readonly Causes[]]> = figure("causes", {
  results: list(resultOf("causes"), "results of causes", 1),
}, (results) => ({
  title: titleOf(results),
  subtitle: `Importance (y axis, log) of each module against one possible cause; one mark per layer. ` +
    "r: rank correlation over the layers, with its 95 % confidence interval; the title counts intervals that exclude 0.",
  setting: settingsOf(results.map(({ provenance }) => provenance)),
  reading: results.map(readingOf).join(" "),
  key: MODULE_KEY,
  panels: results.flatMap((result) => sharing(CAUSES.map((cause, i) => chart(result, cause, i === 0)))),
  rows: results.flatMap(({ provenance, correlations, ...modules }) =>
    correlations.flatMap(({ module, cause, values, rank }) =>
      values.map((value, layer) => ({
        model: provenance.model.name,
        module: KIND_NAMES[module],
        cause,
        rank,
        layer,
        value,
        importance: modules[module].importance[layer],
      }))
    )
  ),
}));

function find({ correlations }: Causes, module: LayerModule, cause: CauseName) {
  return correlations.find((entry) => entry.module === module && entry.cause === cause);
}

/**
 * The number of models in which each cause correlates, with an interval that excludes 0, whatever the sign. The title does not rank
 * the causes: they are measured on the same few layers, and their intervals overlap.
 */
function titleOf(results: readonly Causes[]): string {
  const counts = CAUSES.map(({ cause, name }) => ({
    name,
    clear: results.flatMap((result) => find(result, "attention", cause) ?? []).filter(correlationSign).length,
  })).sort((a, b) => b.clear - a.clear);
  if (counts[0].clear === 0) return "Cannot tell whether any of these correlates with attention's importance";
  const each = counts.map(({ name, clear }, i) =>
    `${name} in ${clear}${i === 0 ? ` of ${counted(results.length, "model")}` : ""}`
  );
  return `Correlates with attention's importance: ${each.join(", ")}`;
}

function readingOf(result: Causes): string {
  const ranks = CAUSES.flatMap(({ cause }) => {
    const found = find(result, "attention", cause);
    return found?.rank == null
      ? []
      : [`${CAUSE_TITLES[cause]} ${withInterval(found.rank, found.low, found.high)}`];
  });
  return `${result.provenance.model.name}, attention: ${ranks.join(", ")}.`;
}

/** The model's name is above the first chart of a row. */
function chart(result: Causes, { cause, short }: typeof CAUSES[number], first: boolean): Panel {
  const found = MODULES.flatMap((module) => find(result, module, cause) ?? []);
  const series = found.map(({ module, values }) => ({
    ...lookOf(module),
    points: values.flatMap((x, layer) => {
      const y = result[module].importance[layer];
      if (x === null || !y || y <= 0) return [];
      const says = `${KIND_NAMES[module]}, layer ${layer}: ${formatNumber(x)}, importance ${formatNumber(y)}`;
      return [{ x, y, says }];
    }),
    width: 0,
    r: 3.5,
    opacity: 0.75,
  }));
  const values = series.flatMap(({ points }) => points.map(({ x }) => x));
  const log = cause === "relativeMagnitude";
  const x: Axis = log ? logAxis(logDomain(values), short) : { domain: airyDomain(values), label: short };
  const importances = MODULES.flatMap((module) => result[module].importance.map((value) => value ?? 0));
  return {
    height: 270,
    headings: [
      { text: first ? `${result.provenance.model.name} · ${result.norm}-norm` : "", across: true },
      ...found.map(({ module, rank, low, high }) => ({
        text: `r ${rank === null ? "–" : withInterval(rank, low, high).replace(" to ", "…")}`, // the panel is narrow
        color: COLORS[module],
        small: true,
      })),
    ],
    x: { ...x, ...x.ticks ? { ticks: thinned(x.ticks, 4) } : {}, small: true, grid: false },
    y: { ...logAxis(logDomain(importances), null), small: true },
    series,
  };
}
