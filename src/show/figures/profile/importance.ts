/** Importance by layer, attention, MLP and block (paper: importance S = 1 − mean cos(X, Y)); layer 0 stays readable. */
import { KINDS } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { layerChart, layerRows, profileLines } from "../../chart/lines.ts";
import { formatNumber } from "../../chart/numbers.ts";
import { byImportance, KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { moduleSigns, tally, unknownText } from "../../chart/told.ts";

/**
 * Draws the importance of every module.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { importanceFigure } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = importanceFigure(result);
 * ```
 */
export const importanceFigure: Draw<[Profile]> = figure("importance", "profile", (profile) => {
  const lines = profileLines(profile, KINDS, ({ importance }) => importance);
  return {
    title: titleOf(profile),
    subtitle:
      "Importance 1 − cos(X, Y) of each module: how far it turns the residual stream. Bars: ± 1 standard error. " +
      "The title counts layers where the two differ (95 %).",
    reading: readingOf(profile),
    panels: [layerChart(lines, { label: "importance (log)", log: true })],
    rows: layerRows(lines, { series: "module", value: "importance" }),
  };
});

/** Only layers whose samples tell the two apart are counted (95 %, paired). */
function titleOf(profile: Profile): string {
  const { below, above, unknown, all } = tally(moduleSigns(profile));
  if (all === 0) return "Importance of every module";
  if (unknown === all) {
    return `Cannot tell in any of ${all} layers whether attention or the MLP is more redundant`;
  }
  const [more, count] = below >= above
    ? ["Attention is more redundant than the MLP", below] as const
    : ["The MLP is more redundant than attention", above] as const;
  return `${more} in ${count} of ${all} layers${unknownText({ unknown }, "in")}`;
}

function readingOf(profile: Profile): string {
  return KINDS.flatMap((kind) => {
    const ranked = byImportance(profile, kind);
    if (ranked.length === 0) return [];
    const [first, last] = [ranked[0], ranked.at(-1)!];
    return [
      `${KIND_NAMES[kind]}: lowest in layer ${first.layer} (${formatNumber(first.score)}), ` +
      `highest in layer ${last.layer} (${formatNumber(last.score)})`,
    ];
  }).join("; ").replace(/^./, (letter) => letter.toUpperCase()) + ".";
}
