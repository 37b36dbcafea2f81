/**
 * How long the updates are, by layer: mean |a| and |m| over tokens. Where a norm follows the modules and its weights
 * still have their initial values, all updates have the same length, so size says nothing about a module (claim C7).
 */
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import { expect, list, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Causes } from "../../result/mod.ts";
import { AXIS_Y, COLORS, layerAxis, logDomain, logTicks } from "../chart/axes.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatNumber, formatTick } from "../chart/numbers.ts";
import { KIND_NAMES, settingsOf } from "../chart/setting.ts";
import { present, shortened } from "../chart/summary.ts";
import { drawFigure, type Figure, INK, WIDTH } from "../chart/svg.ts";

/** The ratio of longest to shortest below which updates count as equally long. */
const ONE_LENGTH = 1.01;

/**
 * Draws the mean length of the updates by layer, a panel for each result. Throws `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { causes, openSeries, updateNormsFigure } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await causes(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = updateNormsFigure([result]);
 * model.close();
 * ```
 */
export function updateNormsFigure(results: readonly Causes[]): Figure {
  expect("draw", "results", results, list(resultOf("causes"), "results of causes", 1));
  if (results.length === 0) throw new RangeError("Cannot draw norms: found no result, expected at least one");
  const y = logDomain(results.flatMap((result) => MODULES.flatMap((module) => ends(result, module))));
  const spans = results.map((result) => ({
    result,
    name: result.provenance.model.name,
    span: spanOf(result),
  }))
    .sort((a, b) => a.span - b.span);
  const [least, most] = [spans[0], spans.at(-1)!];
  return drawFigure({
    name: "update_norms",
    title: least.span < ONE_LENGTH
      ? `In ${least.name}, every update has the same length`
      : `The longest mean update is ${formatNumber(least.span)} to ${
        formatNumber(most.span)
      } times the shortest`,
    subtitle:
      "Mean length |u| of the updates by layer; blue ●: attention, orange ■: MLP. Bands: ± 1 standard deviation over tokens.",
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reading: `Ratio of the longest to the shortest mean update: ${
      spans.map(({ name, span }) => `${formatNumber(span)} in ${name}`).join(", ")
    }.`,
    panels: results.map((result) => panel(result, y)),
    rows: results.flatMap((result) =>
      MODULES.flatMap((module) =>
        result[module].norm.map((norm, layer) => ({
          model: result.provenance.model.name,
          module: KIND_NAMES[module],
          layer,
          norm,
          spread_over_tokens: result[module].normSpread[layer],
        }))
      )
    ),
  });
}

/** Ratio of the longest to the shortest mean update. */
function spanOf(result: Causes): number {
  const norms = MODULES.flatMap((module) => present(result[module].norm)).filter((norm) => norm > 0);
  return norms.length ? Math.max(...norms) / Math.min(...norms) : 1;
}

function bandOf(result: Causes, module: LayerModule) {
  return result[module].norm.flatMap((norm, layer) => {
    if (!norm) return [];
    const spread = Math.min(result[module].normSpread[layer] ?? 0, 0.9);
    return [{ layer, norm, low: norm * (1 - spread), high: norm * (1 + spread) }];
  });
}

function ends(result: Causes, module: LayerModule): number[] {
  return bandOf(result, module).flatMap(({ low, high }) => [low, high]);
}

function panel(result: Causes, y: [number, number]): Plot.PlotOptions {
  const bands = MODULES.map((module) => ({ module, color: COLORS[module], points: bandOf(result, module) }));
  const layers = result.streamNorm.length;
  return {
    width: WIDTH / 2,
    height: 260,
    marginLeft: 56,
    marginRight: 14,
    marginTop: 46,
    marginBottom: 48,
    x: { domain: [-0.5, layers - 0.5] },
    y: { type: "log", domain: y },
    marks: [
      Plot.gridY(logTicks(y), { stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.axisY(logTicks(y), { ...AXIS_Y, text: formatTick, label: null }),
      ...layerAxis(layers),
      ...bands.flatMap(({ module, color, points }) => [
        Plot.areaY(points, { x: "layer", y1: "low", y2: "high", fill: color, fillOpacity: 0.15 }),
        Plot.line(points, { x: "layer", y: "norm", stroke: color, strokeWidth: 2 }),
        dots(points, {
          x: "layer",
          y: "norm",
          color,
          shape: SHAPES[module],
          title: ({ layer, norm }) => `${KIND_NAMES[module]}, layer ${layer}: ${formatNumber(norm)}`,
        }),
      ]),
      Plot.text([shortened(result.provenance.model.name, 27)], {
        frameAnchor: "top-left",
        text: String,
        fontWeight: 600,
        fill: INK,
        dx: -32,
        dy: -28,
      }),
    ],
  };
}
