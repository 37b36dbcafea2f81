import { list, resultOf } from "core/entry/mod.ts";
import { type LayerModule, MODULES } from "core/measure/mod.ts";
import type { CauseName, Causes } from "../result.ts";
import { told } from "../words.ts";
import { logDomain } from "core/show/chart/draw/axes.ts";
import { COLORS } from "core/show/chart/draw/colors.ts";
import { type Panel, sharing } from "core/show/chart/draw/panel.ts";
import { byKind, MODULE_KEY, numbersOf, scatter } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { CAUSE_TITLES, causesRows } from "../table.ts";
import { correlationText, counted, type Finding, reading, settingsOf } from "core/show/words/mod.ts";

const CAUSES = [
  { cause: "normalizedEntropy", column: "normalized_entropy", name: "entropy", short: "normalised entropy" },
  { cause: "meanCosine", column: "mean_cosine", name: "token similarity", short: "input mean cosine" },
  {
    cause: "relativeMagnitude",
    column: "relative_magnitude",
    name: "magnitude",
    short: "rel. magnitude (log)",
  },
] as const;

/**
 * Draws importance against sparse attention (claim C5), over-smoothed tokens (C6) and low magnitude (C7), a row of panels for each result.
 * Throws `RangeError` for an empty list.
 */
export const causesFigure: Draw<[readonly Causes[]]> = figure("causes", {
  results: list(resultOf("causes"), "results of causes", 1),
}, (results) => ({
  rows: results.flatMap(causesRows),
  title: finding(results),
  shows: [
    "Importance (y axis, log) of each module against one possible cause; one mark per layer. r: rank correlation over",
    "the layers, with its 95 % confidence interval; the title counts intervals that exclude 0.",
  ],
  setting: settingsOf(results.map(({ provenance }) => provenance)),
  reads: results.map((result) => `${result.provenance.model.name}, attention: ${ranks(result).join(", ")}.`),
  key: MODULE_KEY,
  panels: results.flatMap((result) => sharing(CAUSES.map((cause, i) => chart(result, cause, i === 0)))),
}));

function find({ correlations }: Causes, module: LayerModule, cause: CauseName) {
  return correlations.find((entry) => entry.module === module && entry.cause === cause);
}

/** The number of models in which each cause correlates, whatever the sign. The causes are not ranked: their intervals overlap. */
function finding(results: readonly Causes[]): Finding {
  const counts = CAUSES.map(({ cause, name }) => {
    const found = results.flatMap((result) => find(result, "attention", cause) ?? []);
    return { name, clear: told(found).length };
  }).sort((a, b) => b.clear - a.clear);
  if (counts[0].clear === 0) return { open: "whether any of these correlates with attention's importance" };
  const each = counts.map(({ name, clear }, i) =>
    `${name} in ${clear}${i === 0 ? ` of ${counted(results.length, "model")}` : ""}`
  );
  return { found: reading`Correlates with attention's importance: ${each}` };
}

const ranks = (result: Causes) =>
  CAUSES.flatMap(({ cause }) => {
    const found = find(result, "attention", cause);
    return found?.rank == null ? [] : [`${CAUSE_TITLES[cause]} ${correlationText(found)}`];
  });

/** The model's name is above the first chart of a row. */
function chart(result: Causes, { cause, column, short }: typeof CAUSES[number], first: boolean): Panel {
  const rows = causesRows(result);
  const name = first ? `${result.provenance.model.name} · ${result.norm}-norm` : "";
  const correlations = MODULES.flatMap((module) => find(result, module, cause) ?? []);
  return scatter(byKind(rows).filter(({ kind }) => correlations.some(({ module }) => module === kind)), {
    headings: [
      { text: name, across: true },
      ...correlations.map((found) => ({
        text: `r ${correlationText(found).replace(" to ", "…")}`, // the panel is narrow
        color: COLORS[found.module],
        small: true,
      })),
    ],
    x: { of: column, label: short, log: cause === "relativeMagnitude" },
    y: { of: "importance", domain: logDomain(numbersOf(rows, "importance")) },
    says: (row) =>
      reading`${{ measured: row[column] as number }}, importance ${{ measured: row.importance as number }}`,
  });
}
