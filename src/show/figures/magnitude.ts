/** Relative magnitude of the updates by layer: mean |a| / |x| and mean |m| / |X| (paper, claim C7: attention's is low). */
import { MODULES } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { COLORS } from "../chart/axes.ts";
import { errorsOf, layerChart, layerRows } from "../chart/by_layer.ts";
import { SHAPES } from "../chart/marks.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";
import { median, present } from "../chart/summary.ts";

/**
 * Draws how large the updates are relative to what they are added to.
 *
 * @example
 * ```ts
 * import { magnitudeFigure, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = magnitudeFigure(result);
 * model.close();
 * ```
 */
export function magnitudeFigure(profile: Profile): Figure {
  expect("draw", "profile", profile, resultOf("profile"));
  const series = MODULES.map((kind) => ({
    label: KIND_NAMES[kind],
    color: COLORS[kind],
    shape: SHAPES[kind],
    values: profile[kind].relativeMagnitude,
    errors: errorsOf(profile, kind, "magnitude"),
  }));
  const [attention, mlp] = series.map(({ values }) => median(present(values)));
  const both = attention !== null && mlp !== null && mlp > 0;
  return drawFigure({
    name: "magnitude",
    title: both
      ? `The median attention update is ${
        formatFixed(attention / mlp, 2)
      } times the size of the median MLP update`
      : "Size of the updates relative to the residual stream",
    subtitle:
      "Mean |a| / |x| of attention and |m| / |x + a| of the MLP, over tokens. Bars: ± 1 standard error.",
    setting: settingOf(profile.provenance),
    reading: both
      ? `The median over the layers is ${formatNumber(attention)} for attention and ${
        formatNumber(mlp)
      } for the MLP: ` +
        `the length of an update as a fraction of the stream's.`
      : "The length of an update as a fraction of the stream's.",
    panels: [layerChart(series, { label: "relative magnitude (log)", log: true })],
    rows: layerRows(series, { series: "module", value: "relative_magnitude" }),
  });
}
