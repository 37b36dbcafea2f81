/** Direction of the updates along the stream: mean cos(u, X); below 0 an update erases, above it amplifies. */
import { MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { errorsOf, layerChart, layerRows, profileLines } from "../../chart/lines.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { directionSigns, tally, unknownText } from "../../chart/told.ts";

/**
 * Draws whether updates point along the residual stream or against it.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { signFigure } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = signFigure(result);
 * ```
 */
export const signFigure: Draw<[Profile]> = figure("sign", "profile", (profile) => {
  const lines = profileLines(profile, MODULES, ({ sign }) => sign, (kind) => errorsOf(profile, kind, "sign"));
  const against = MODULES.flatMap((kind) => {
    const { below, all, unknown } = tally(directionSigns(profile, kind));
    return all === 0
      ? []
      : [`${below} of ${all} ${KIND_NAMES[kind]} layers${unknownText({ unknown }, "in")}`];
  });
  return {
    title: against.length
      ? `Updates point against the stream in ${against.join(", ")}`
      : "Direction of the updates along the stream",
    subtitle:
      "Mean cos(u, X) over tokens: below 0 an update erases, near 0 it adds something new, above 0 it amplifies. " +
      "The title counts layers where it differs from 0 (95 %).",
    reading: "An update of the same size turns the stream further when it points against it: " +
      "the sign distinguishes two updates of equal magnitude.",
    panels: [layerChart(lines, { label: "cos(u, X)", log: false })],
    rows: layerRows(lines, { series: "module", value: "sign" }),
  };
});
