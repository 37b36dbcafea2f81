/**
 * How long the updates are, by layer: mean |a| and |m| over tokens. Where a norm follows the modules and its weights
 * still have their initial values, all updates have the same length, so size says nothing about a module (claim C7).
 */
import { list, resultOf } from "../../../entry/mod.ts";
import { type LayerModule, MODULES } from "../../../measure/mod.ts";
import type { Causes } from "../../../result/mod.ts";
import { indexAxis, logAxis, logDomain } from "../../chart/draw/axes.ts";
import { lookOf } from "../../chart/draw/colors.ts";
import { formatNumber, present } from "../../chart/numbers.ts";
import { KIND_NAMES, MODULE_KEY, settingsOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** The ratio of longest to shortest below which updates count as equally long. */
const ONE_LENGTH = 1.01;

/**
 * Draws the mean length of the updates by layer, a panel for each result. Throws `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { causes } from "lamina";
 * import { updateNormsFigure } from "lamina/figures";
 *
 * const result = await causes("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = updateNormsFigure([result]);
 * ```
 */
export const updateNormsFigure: Draw<[readonly Causes[]]> = figure("update_norms", {
  results: list(resultOf("causes"), "results of causes", 1),
}, (results) => {
  const models = results.map((result) => ({
    name: result.provenance.model.name,
    layers: result.streamNorm.length,
    series: MODULES.map((module) => ({ ...lookOf(module), band: true, points: pointsOf(result, module) })),
  }));
  const bounds = models.flatMap(({ series }) =>
    series.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]))
  );
  const spans = results.map((result) => ({ name: result.provenance.model.name, span: spanOf(result) }))
    .sort((a, b) => a.span - b.span);
  const [least, most] = [spans[0], spans.at(-1)!];
  return {
    title: least.span < ONE_LENGTH
      ? `In ${least.name}, every update has the same length`
      : `The longest mean update is ${formatNumber(least.span)} to ${
        formatNumber(most.span)
      } times the shortest`,
    subtitle: `Mean length |u| of the updates by layer. Bands: ± 1 standard deviation over tokens.`,
    setting: settingsOf(results.map(({ provenance }) => provenance)),
    reading: `Ratio of the longest to the shortest mean update: ${
      spans.map(({ name, span }) => `${formatNumber(span)} in ${name}`).join(", ")
    }.`,
    key: MODULE_KEY,
    panels: models.map(({ name, layers, series }) => ({
      part: 1 / 2,
      height: 260,
      headings: [{ text: name }],
      x: indexAxis(layers, "layer"),
      y: logAxis(logDomain(bounds), null),
      series,
    })),
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
  };
});

/** Ratio of the longest to the shortest mean update. */
function spanOf(result: Causes): number {
  const norms = MODULES.flatMap((module) => present(result[module].norm)).filter((norm) => norm > 0);
  return norms.length ? Math.max(...norms) / Math.min(...norms) : 1;
}

function pointsOf(result: Causes, module: LayerModule) {
  return result[module].norm.flatMap((norm, layer) => {
    if (!norm) return [];
    const spread = Math.min(result[module].normSpread[layer] ?? 0, 0.9);
    const says = `${KIND_NAMES[module]}, layer ${layer}: ${formatNumber(norm)}`;
    return [{ x: layer, y: norm, low: norm * (1 - spread), high: norm * (1 + spread), says }];
  });
}
