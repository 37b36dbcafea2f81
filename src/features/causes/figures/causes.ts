import { list, resultOf } from "core/entry/mod.ts";
import type { CauseCorrelation, Causes } from "../result.ts";
import { told } from "../words.ts";
import { airyDomain, logAxis, logDomain, thinned } from "core/show/chart/draw/axes.ts";
import { lookOfKind } from "core/show/chart/draw/colors.ts";
import { type Panel, sharing } from "core/show/chart/draw/panel.ts";
import { byKind, dotPlot, lineChart, MODULE_KEY, numbersOf, rankAxis } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { causesRows } from "../table.ts";
import {
  correlationText,
  counted,
  type Finding,
  KIND_NAMES,
  reading,
  settingsOf,
} from "core/show/words/mod.ts";

const CAUSES = [
  { cause: "normalizedEntropy", column: "normalized_entropy", name: "entropy" },
  { cause: "meanCosine", column: "mean_cosine", name: "token similarity" },
  { cause: "relativeMagnitude", column: "relative_magnitude", name: "magnitude" },
] as const;

const aList = { results: list(resultOf("causes"), "results of causes", 1) };

/**
 * Draws how importance correlates with sparse attention (claim C5), over-smoothed tokens (C6) and low magnitude (C7): a panel for each
 * cause and a row for each result. Throws `RangeError` for an empty list.
 */
export const causesFigure: Draw<[readonly Causes[]]> = figure("causes", aList, (results) => {
  const names = results.map(({ provenance: { model } }) => model.name);
  const found = CAUSES.map(({ cause, name }) =>
    results.flatMap(({ correlations }, at) =>
      correlations.flatMap(({ rank, ...own }) =>
        own.cause === cause && rank !== null ? { ...own, rank, at, name, model: names[at] } : []
      )
    )
  );
  const ofAttention = found.map((all) => all.filter(({ module }) => module === "attention"));
  return {
    rows: found.flat().map(({ name, model, module, rank, low, high, layers }) => (
      { cause: name, model, module, rank_correlation: rank, low, high, layers }
    )),
    title: finding(ofAttention, results.length),
    shows: [
      "Rank correlation of importance with each possible cause over the layers of a model; lines: 95 % confidence intervals,",
      "which two identical orders lack. The title counts intervals that exclude 0 and, from five layers up, identical orders.",
    ],
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reads: results.map(({ norm }, i) => {
      const own = ofAttention.flat().filter(({ at }) => at === i);
      const each = own.map((one) => `${one.name} ${correlationText(one)}`).join(", ");
      return `${names[i]} (${norm}-norm), attention: ${each}.`;
    }),
    key: MODULE_KEY,
    panels: found.map((all, i) => {
      const dots = all.map(({ at, module, rank, low, high, model }) => {
        const says = `${KIND_NAMES[module]}, ${model}: ${correlationText({ rank, low, high })}`;
        return {
          ...lookOfKind(module),
          at: at + (module === "mlp" ? 0.15 : -0.15),
          value: rank,
          low,
          high,
          says,
        };
      });
      const [headings, x] = [[{ text: CAUSES[i].name }], rankAxis("rank correlation")];
      return dotPlot(names, dots, { headings, x, isLast: i === CAUSES.length - 1 });
    }),
  };
});

/** In how many models importance rises or falls with each cause. The causes are not ranked: their intervals overlap. */
function finding(found: readonly (readonly CauseCorrelation[])[], models: number): Finding {
  const counts = found.flatMap((all, i) => {
    const { [1]: rises = [], [-1]: falls = [] } = Object.groupBy(told(all), ({ rank }) => Math.sign(rank!));
    const name = CAUSES[i].name;
    return [{ says: `rises with ${name}`, n: rises.length }, { says: `falls with ${name}`, n: falls.length }];
  }).filter(({ n }) => n > 0).sort((a, b) => b.n - a.n);
  if (counts.length === 0) return { open: "whether any of these correlates with attention's importance" };
  const each = counts.map(({ says, n }, i) =>
    `${says} in ${n}${i === 0 ? ` of ${counted(models, "model")}` : ""}`
  );
  return { found: reading`Attention's importance ${each}` };
}

/** Draws the layers behind the correlations: importance against each possible cause, a row of panels for each result. Throws `RangeError` for an empty list. */
export const causesScatterFigure: Draw<[readonly Causes[]]> = figure("causes_scatter", aList, (results) => ({
  rows: results.flatMap(causesRows),
  title: "Importance of each layer against three possible causes",
  shows: ["Importance (y axis, log) against each cause; one mark per layer."],
  setting: settingsOf(results.map(({ provenance }) => provenance)),
  reads: ["Where a column forms a curve, importance changes with that cause; a cloud shows no such trend."],
  key: MODULE_KEY,
  panels: results.flatMap((result) => sharing(CAUSES.map((cause, i) => chart(result, cause, i === 0)))),
}));

/** A mark for each layer that has both values; the model's name is above the first chart of a row. */
function chart(result: Causes, { column, name }: typeof CAUSES[number], first: boolean): Panel {
  const all = causesRows(result);
  const rows = all.filter((row) => Number(row.importance) > 0 && row[column] !== null);
  const values = numbersOf(rows, column);
  const log = logAxis(logDomain(values), `${name} (log)`);
  const across = name === "magnitude"
    ? { ...log, ticks: thinned(log.ticks!, 4) }
    : { domain: airyDomain(values), label: name };
  return lineChart(byKind(rows).map((group) => ({ ...group, width: 0 })), column, "importance", {
    headings: [{ text: first ? `${result.provenance.model.name} · ${result.norm}-norm` : "", across: true }],
    height: 230,
    across: { ...across, small: true, grid: false },
    up: { ...logAxis(logDomain(numbersOf(all, "importance")), null), small: true },
    keyed: true,
    r: 3.5,
  });
}
