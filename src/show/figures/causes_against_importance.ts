/**
 * What the paper calls causes, against importance, layer by layer, small multiples: sparse attention (claim C5), over-smoothed tokens
 * (C6), low magnitude (C7). One row per model, to compare norm placements and training steps.
 */
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import { expect, list, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { CauseCorrelation, CauseName, Causes } from "../../result/mod.ts";
import { airyDomain, AXIS_X, AXIS_Y, COLORS, linearTicks, logDomain, logTicks } from "../chart/axes.ts";
import { CAUSE_TITLES } from "../tables/causes.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatFixed, formatNumber, formatTick } from "../chart/numbers.ts";
import { KIND_NAMES, settingsOf } from "../chart/setting.ts";
import { counted, shortened } from "../chart/summary.ts";
import { drawFigure, FAINT, type Figure, INK, WIDTH } from "../chart/svg.ts";
import { correlationSign } from "../chart/told.ts";

const CAUSES: readonly { cause: CauseName; name: string; short: string }[] = [
  { cause: "normalizedEntropy", name: "entropy", short: "normalised entropy" },
  { cause: "meanCosine", name: "token similarity", short: "input mean cosine" },
  { cause: "relativeMagnitude", name: "magnitude", short: "relative magnitude (log)" },
];

/**
 * Draws importance against three possible causes, a row of panels for each result. Throws `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { causes, causesFigure, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await causes(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = causesFigure([result]);
 * model.close();
 * ```
 */
export function causesFigure(results: readonly Causes[]): Figure {
  expect("draw", "results", results, list(resultOf("causes"), "results of causes", 1));
  if (results.length === 0) {
    throw new RangeError("Cannot draw causes: found no result, expected at least one");
  }
  return drawFigure({
    name: "causes",
    title: titleOf(results),
    subtitle:
      "Importance (y axis, log) of each module against one possible cause; one mark per layer; blue ●: attention, orange ■: MLP. " +
      "r: rank correlation over the layers, with its 95 % confidence interval; the title counts intervals that exclude 0.",
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reading: results.map(readingOf).join(" "),
    panels: results.flatMap((result) => CAUSES.map((column, i) => panel(result, column, i))),
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
  });
}

function find(
  { correlations }: Causes,
  module: LayerModule,
  cause: CauseName,
): CauseCorrelation | undefined {
  return correlations.find((entry) => entry.module === module && entry.cause === cause);
}

/**
 * In how many models each correlates, whatever its sign, as far as its interval tells it from 0. Which of them correlates most is
 * not said: they are measured on the same few layers, and their intervals overlap.
 */
function titleOf(results: readonly Causes[]): string {
  const counts = CAUSES.map(({ cause, name }) => ({
    name,
    told: results.filter((result) => isTold(find(result, "attention", cause))).length,
  })).sort((a, b) => b.told - a.told);
  if (counts[0].told === 0) return "Cannot tell whether any of these correlates with attention's importance";
  const each = counts.map(({ name, told }, i) =>
    `${name} in ${told}${i === 0 ? ` of ${counted(results.length, "model")}` : ""}`
  );
  return `Correlates with attention's importance: ${each.join(", ")}`;
}

function isTold(found: CauseCorrelation | undefined): boolean {
  return found !== undefined && correlationSign(found) !== 0;
}

function readingOf(result: Causes): string {
  const told = CAUSES.flatMap(({ cause }) => {
    const found = find(result, "attention", cause);
    return found?.rank == null
      ? []
      : [`${CAUSE_TITLES[cause]} ${formatFixed(found.rank, 2)}${intervalOf(found)}`];
  });
  return `${result.provenance.model.name}, attention: ${told.join(", ")}.`;
}

function intervalOf({ low, high }: CauseCorrelation): string {
  return low === null || high === null ? "" : ` (${formatFixed(low, 2)} to ${formatFixed(high, 2)})`;
}

function panel(result: Causes, { cause, short }: typeof CAUSES[number], column: number): Plot.PlotOptions {
  const found = MODULES.flatMap((module) => find(result, module, cause) ?? []);
  const points = found.flatMap(({ module, values }) =>
    values.flatMap((value, layer) => {
      const importance = result[module].importance[layer];
      return value !== null && importance && importance > 0 ? [{ module, layer, value, importance }] : [];
    })
  );
  const log = cause === "relativeMagnitude";
  const importances = MODULES.flatMap((module) => result[module].importance.map((v) => v ?? 0));
  const y = logDomain(importances);
  const x = (log ? logDomain : airyDomain)(points.map(({ value }) => value));
  const ticks = log
    ? logTicks(x).filter((_, i, all) => i % Math.ceil(all.length / 4) === 0)
    : linearTicks(x, 4);
  return {
    width: column === 0 ? 232 : (WIDTH - 232) / 2,
    height: 258,
    marginLeft: column === 0 ? 52 : 26,
    marginRight: 12,
    marginTop: 68,
    marginBottom: 46,
    x: { type: log ? "log" : "linear", domain: x },
    y: { type: "log", domain: y, axis: null },
    marks: [
      Plot.gridY(logTicks(y), { stroke: "#d0d7de", strokeOpacity: 1 }),
      ...column === 0
        ? [Plot.axisY(logTicks(y), { ...AXIS_Y, text: formatTick, label: null, fontSize: 14 })]
        : [],
      Plot.axisX(ticks, {
        ...AXIS_X,
        text: log ? formatTick : String,
        label: short,
        labelArrow: "none",
        fontSize: 14,
      }),
      ...MODULES.map((module) =>
        dots(points.filter((point) => point.module === module), {
          x: "value",
          y: "importance",
          color: COLORS[module],
          shape: SHAPES[module],
          title: ({ layer, value, importance }) =>
            `${KIND_NAMES[module]}, layer ${layer}: ${formatNumber(value)}, importance ${
              formatNumber(importance)
            }`,
          r: 3.5,
          opacity: 0.75,
        })
      ),
      ...column === 0
        ? [
          Plot.text([nameOf(result)], {
            frameAnchor: "top-left",
            text: String,
            fontWeight: 600,
            fill: INK,
            dy: -56,
          }),
        ]
        : [],
      ...found.map(({ module, rank, low, high }, i) =>
        Plot.text([rank], {
          frameAnchor: "top-left",
          text: () =>
            rank === null
              ? "r –"
              : `r ${formatFixed(rank, 2)}${intervalOf({ low, high } as CauseCorrelation)}`,
          fill: COLORS[module],
          fontSize: 14,
          dy: -35 + 17 * i,
        })
      ),
      Plot.frame({ stroke: FAINT, strokeOpacity: 0.3 }),
    ],
  };
}

function nameOf({ provenance: { model }, norm }: Causes): string {
  return `${shortened(model.name, 40)} · ${norm}-norm`;
}
