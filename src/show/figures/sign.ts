/** Direction of the updates along the stream: mean cos(u, X); below 0 an update erases, above it amplifies. */
import { MODULES } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { COLORS } from "../chart/axes.ts";
import { errorsOf, layerChart, layerRows } from "../chart/by_layer.ts";
import { SHAPES } from "../chart/marks.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { directionSigns, tally, unknownText } from "../chart/told.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";

/**
 * Draws whether updates point along the residual stream or against it.
 *
 * @example
 * ```ts
 * import { openSeries, profile, signFigure } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = signFigure(result);
 * model.close();
 * ```
 */
export function signFigure(profile: Profile): Figure {
  expect("draw", "profile", profile, resultOf("profile"));
  const series = MODULES.map((kind) => ({
    label: KIND_NAMES[kind],
    color: COLORS[kind],
    shape: SHAPES[kind],
    values: profile[kind].sign,
    errors: errorsOf(profile, kind, "sign"),
  }));
  const against = series.map(({ label }, i) => ({ label, told: tally(directionSigns(profile, MODULES[i])) }))
    .filter(({ told }) => told.all > 0);
  return drawFigure({
    name: "sign",
    title: against.length
      ? "Updates point against the stream in " +
        against.map(({ label, told }) =>
          `${told.below} of ${told.all} ${label} layers${unknownText(told, "in")}`
        )
          .join(", ")
      : "Direction of the updates along the stream",
    subtitle:
      "Mean cos(u, X) over tokens: below 0 an update erases, near 0 it adds something new, above 0 it amplifies. " +
      "The title counts layers where it differs from 0 (95 %).",
    setting: settingOf(profile.provenance),
    reading: "An update of the same size turns the stream further when it points against it: " +
      "the sign distinguishes two updates of equal magnitude.",
    panels: [layerChart(series, { label: "cos(u, X)", log: false })],
    rows: layerRows(series, { series: "module", value: "sign" }),
  });
}
