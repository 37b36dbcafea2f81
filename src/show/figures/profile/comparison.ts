/** Two profiles on one scale, importance by layer: two models, two steps of training, a compressed model against its original. */
import { resultOf } from "../../../entry/mod.ts";
import { KINDS, spearman } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { formatFixed, formatNumber, leastImportant, median, quarter, shared } from "../../chart/numbers.ts";
import {
  importanceIn,
  kindPanels,
  kindRows,
  linesByKind,
  namesOf,
  outsizedText,
  settingsOfProfiles,
  severalText,
} from "../../chart/profiles.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { acrossSign } from "../../chart/told.ts";

/**
 * Draws the importance of every module in two profiles: attention, MLP and block, one below the other. Models that differ in depth
 * are drawn over relative depth, and the reading says that their layers cannot be ranked together. `importanceFigure` takes more than two.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { comparisonFigure } from "lamina/figures";
 *
 * const options = { text: "README.md", samples: 2, length: 32 };
 * const [a, b] = ["step00000", "step00512"].map((step) => profile(`data/series/pre-ln/${step}`, options));
 * const { svg, reading } = comparisonFigure(await a, await b);
 * ```
 */
export const comparisonFigure: Draw<[Profile, Profile]> = figure("comparison", {
  "the first": resultOf("profile"),
  "the second": resultOf("profile"),
}, (a, b) => {
  const names = namesOf([a, b]);
  const kinds = linesByKind([a, b], KINDS, importanceIn);
  return {
    title: titleOf(a, b, names),
    subtitle:
      `Importance 1 − cos(X, Y) by layer, on one scale. Filled, solid: ${names[0]}; hollow, dashed: ` +
      `${names[1]}. Bars: ± 1 standard error.${outsizedText([a, b], KINDS)}${severalText([a, b])}`,
    setting: settingsOfProfiles([a, b]),
    reading: readingOf(a, b),
    panels: kindPanels(kinds, { label: "importance (log)", log: true }),
    rows: kindRows(kinds, "importance"),
  };
});

function titleOf(a: Profile, b: Profile, names: readonly string[]): string {
  const medians = [a, b].map(({ attention }) => median(attention.importance));
  if (medians.some((value) => value === null)) return `Importance in ${names[0]} and ${names[1]}`;
  const unclear = acrossSign(a, b) === 0 ? "; cannot tell which is lower" : "";
  return `Attention's median importance: ${formatNumber(medians[0]!)} in ${names[0]}, ${
    formatNumber(medians[1]!)
  } in ${names[1]}${unclear}`;
}

function readingOf(a: Profile, b: Profile): string {
  const layers = [a, b].map(({ provenance }) => provenance.model.layers);
  if (layers[0] !== layers[1]) {
    return `The models have ${layers[0]} and ${layers[1]} layers, so their ranks cannot be compared.`;
  }
  const agreements = KINDS.flatMap((kind) => {
    const pairs = a[kind].importance.flatMap((value, layer) => {
      const other = b[kind].importance[layer];
      return value === null || other === null ? [] : [[value, other] as const];
    });
    const rank = spearman(pairs.map(([value]) => value), pairs.map(([, value]) => value));
    const lowest = [a, b].map((profile) => leastImportant(profile, kind, quarter(layers[0])));
    if (lowest.some(({ length }) => length === 0)) return [];
    return [
      `${KIND_NAMES[kind]}: ${shared(lowest[0], lowest[1])} of the ${
        lowest[0].length
      } least important in both` +
      (pairs.length > 2 && Number.isFinite(rank) ? `, rank correlation ${formatFixed(rank, 2)}` : ""),
    ];
  });
  return agreements.length ? `${agreements.join("; ")}.` : "The models have no module in common.";
}
