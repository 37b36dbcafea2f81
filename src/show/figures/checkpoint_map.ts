/**
 * Importance by layer and step, one map per kind of module (paper, v6, figure 7), a row of them per series. All share one
 * logarithmic colour scale: a colour means the same in every map. Layer 0 stands apart, as in the paper's figure.
 */
import { KINDS, type ModuleKind } from "../../measure/mod.ts";
import { expect, list, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Checkpoints } from "../../result/mod.ts";
import { AXIS_X, COLORS, countTicks, logDomain, logTicks } from "../chart/axes.ts";
import { formatStep, thinned } from "../chart/checkpoint_axis.ts";
import { type Trend, trendsOf } from "../chart/checkpoint_trends.ts";
import { formatNumber, formatTick } from "../chart/numbers.ts";
import { KIND_NAMES, settingsOf } from "../chart/setting.ts";
import { drawFigure, FAINT, type Figure, INK, WIDTH } from "../chart/svg.ts";
import { medianSign, type Sign, tally, unknownText } from "../chart/told.ts";

const SCHEME = "ylgnbu";
/** The gap between layer 0 and the others: a row without cells. */
const GAP = "gap";

/** One cell of a map. */
interface Cell {
  readonly series: string;
  readonly kind: ModuleKind;
  readonly layer: number;
  readonly step: number;
  readonly importance: number | null;
}

/**
 * Draws the maps of attention, MLP and block side by side; of several series below each other, on one scale. Throws
 * `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { checkpointMapFigure, checkpoints, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = checkpointMapFigure(result);
 * ```
 */
export function checkpointMapFigure(results: Checkpoints | readonly Checkpoints[]): Figure {
  const all = several(results) ? results : [results];
  if (several(results)) expect("draw", "results", results, list(resultOf("checkpoints"), "checkpoints", 1));
  else expect("draw", "result", results, resultOf("checkpoints"));
  const rows = all.map((result) => ({
    name: result.name,
    cells: cellsOf(result),
    trends: KINDS.map((kind) => trendsOf(result, kind)),
    signs: result.series.flatMap((entry) => medianSign(entry) ?? []),
  }));
  const cells = rows.flatMap(({ cells }) => cells);
  const domain = logDomain(cells.flatMap(({ importance }) => importance ?? []));
  const named = (name: string, text: string) => all.length > 1 ? `${name}: ${text}` : text;
  return drawFigure({
    name: "checkpoint_map",
    title: titleOf(rows),
    subtitle:
      "Importance of each module (colour) by layer and training step; layer 0 is set apart at the bottom.",
    setting: settingsOf(all.map(({ name, series: [{ provenance }] }) => (
      { ...provenance, model: { ...provenance.model, name } }
    ))),
    reading: rows.map(({ name, trends }) =>
      named(name, KINDS.map((kind, i) => readingOf(KIND_NAMES[kind], trends[i])).join(" "))
    ).join(" "),
    panels: [
      ...rows.flatMap(({ name, cells }) =>
        KINDS.map((kind, i) =>
          map(cells.filter((cell) => cell.kind === kind), kind, domain, {
            first: i === 0,
            name: all.length > 1 ? name : null,
          })
        )
      ),
      legend(domain),
    ],
    rows: cells.map(({ kind, ...cell }) => ({ module: KIND_NAMES[kind], ...cell })),
  });
}

function several(results: Checkpoints | readonly Checkpoints[]): results is readonly Checkpoints[] {
  return Array.isArray(results);
}

function cellsOf({ name, series }: Checkpoints): Cell[] {
  return series.flatMap((entry) =>
    KINDS.flatMap((kind) =>
      entry[kind].importance.map((importance, layer) => (
        { series: name, kind, layer, step: entry.step, importance }
      ))
    )
  );
}

/** At how many steps the samples tell that attention is the less important one. */
function titleOf(rows: readonly { readonly name: string; readonly signs: readonly Sign[] }[]): string {
  const told = rows.flatMap(({ name, signs }) => {
    if (signs.length === 0) return [];
    const { below, all, ...rest } = tally(signs);
    const where = rows.length > 1 ? ` of ${name}` : "";
    return [`${below} of ${all} steps${where}${unknownText(rest, "at")}`];
  });
  if (told.length === 0) return "Importance through training";
  return `Attention is more redundant than the MLP at ${told.join(", ")}`;
}

function readingOf(name: string, trend: readonly Trend[]): string {
  const known = trend.filter(({ median }) => median !== null);
  if (known.length === 0) return `${name}: no values.`;
  const [first, last] = [known[0], known.at(-1)!];
  const least = known.reduce((low, next) => next.median! < low.median! ? next : low);
  return `${name}, median of the layers from 1 up: ${
    formatNumber(first.median!)
  } at step ${first.step}, lowest at ` +
    `step ${least.step} (${formatNumber(least.median!)}), ${
      formatNumber(last.median!)
    } at step ${last.step}.`;
}

function map(
  cells: readonly Cell[],
  kind: ModuleKind,
  domain: readonly [number, number],
  { first, name }: { readonly first: boolean; readonly name: string | null },
): Plot.PlotOptions {
  const steps = [...new Set(cells.map(({ step }) => step))];
  const layers = Math.max(...cells.map(({ layer }) => layer)) + 1;
  const deeper = Array.from({ length: layers - 1 }, (_, i) => String(layers - 1 - i));
  const left = first ? 58 : 14;
  return {
    width: (WIDTH - 62) / 3 + left - 14 + (first ? 0 : 4),
    height: name === null ? 330 : 356,
    marginLeft: left,
    marginRight: 6,
    marginTop: name === null ? 40 : 66,
    marginBottom: 52,
    x: { type: "band", domain: steps, padding: 0.04 },
    y: { type: "band", domain: [...deeper, GAP, "0"], padding: 0.04, axis: null },
    color: { type: "log", scheme: SCHEME, domain: [...domain] },
    marks: [
      Plot.cell(cells.filter(({ importance }) => importance !== null && importance > 0), {
        x: "step",
        y: ({ layer }: Cell) => String(layer),
        fill: "importance",
        title: ({ layer, step, importance }: Cell) =>
          `${KIND_NAMES[kind]}, layer ${layer}, step ${step}: ${formatNumber(importance!)}`,
      }),
      ...first && name !== null
        ? [Plot.text([name], {
          frameAnchor: "top-left",
          text: String,
          fill: INK,
          fontWeight: 600,
          dx: -34,
          dy: -50,
        })]
        : [],
      Plot.axisX(thinned(steps, 4), { ...AXIS_X, tickSize: 0, tickFormat: formatStep, label: "step" }),
      ...first
        ? [
          Plot.axisY(countTicks(layers - 1).map(String), {
            color: FAINT,
            tickSize: 0,
            label: "layer",
            labelArrow: "none",
            labelOffset: 42,
          }),
        ]
        : [],
      Plot.text([kind], {
        frameAnchor: "top",
        text: () => KIND_NAMES[kind],
        fill: COLORS[kind],
        fontWeight: 600,
        dy: -20,
      }),
    ],
  };
}

/** The colour key. */
function legend(domain: readonly [number, number]): Plot.PlotOptions {
  const parts = 60;
  const at = (i: number) => domain[0] * (domain[1] / domain[0]) ** (i / parts);
  const strip = Array.from(
    { length: parts },
    (_, i) => ({ from: at(i), to: at(i + 1), middle: at(i + 0.5) }),
  );
  return {
    width: WIDTH,
    height: 76,
    marginLeft: 58,
    marginRight: 24,
    marginTop: 6,
    marginBottom: 50,
    x: { type: "log", domain: [...domain] },
    y: { axis: null },
    color: { type: "log", scheme: SCHEME, domain: [...domain] },
    marks: [
      Plot.rectX(strip, { x1: "from", x2: "to", fill: "middle", insetRight: -0.6 }),
      Plot.axisX(logTicks(domain), { ...AXIS_X, text: formatTick, label: "importance (log)" }),
    ],
  };
}
