/** Relative magnitude of the updates by layer: mean |a| / |x| and mean |m| / |X| (paper, claim C7: attention's is low). */
import { MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { errorsOf, layerChart, layerRows, profileLines } from "../../chart/lines.ts";
import { formatFixed, formatNumber, median } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/**
 * Draws the size of the updates relative to the stream.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { magnitudeFigure } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = magnitudeFigure(result);
 * ```
 */
export const magnitudeFigure: Draw<[Profile]> = figure("magnitude", "profile", (profile) => {
  const lines = profileLines(
    profile,
    MODULES,
    ({ relativeMagnitude }) => relativeMagnitude,
    (kind) => errorsOf(profile, kind, "magnitude"),
  );
  const [attention, mlp] = lines.map(({ values }) => median(values));
  const both = attention !== null && mlp !== null && mlp > 0;
  const fraction = "the length of an update as a fraction of the stream's.";
  return {
    title: both
      ? `The median attention update is ${
        formatFixed(attention / mlp, 2)
      } times the size of the median MLP update`
      : "Size of the updates relative to the residual stream",
    subtitle:
      "Mean |a| / |x| of attention and |m| / |x + a| of the MLP, over tokens. Bars: ± 1 standard error.",
    reading: both
      ? `The median over the layers is ${formatNumber(attention)} for attention and ${
        formatNumber(mlp)
      } for the MLP: ${fraction}`
      : fraction.replace(/^t/, "T"),
    panels: [layerChart(lines, { label: "relative magnitude (log)", log: true })],
    rows: layerRows(lines, { series: "module", value: "relative_magnitude" }),
  };
});
