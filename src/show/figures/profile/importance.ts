/** Importance by layer, attention, MLP and block (paper: importance S = 1 − mean cos(X, Y)); layer 0 stays readable. */
import { KINDS } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { formatNumber } from "../../chart/numbers.ts";
import {
  eachOf,
  importanceIn,
  listOf,
  ofProfiles,
  outsizedText,
  profileParts,
  severalText,
} from "../../chart/profiles.ts";
import { byImportance, KIND_NAMES, type RankedModule } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { importanceSign, moduleSigns, tally, unknownText } from "../../chart/told.ts";

/**
 * Draws the importance of every module of one profile, or of several on one scale: over the layers, or over relative depth where the
 * models differ in depth.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { importanceFigure } from "lamina/figures";
 *
 * const options = { text: "README.md", samples: 2, length: 32 };
 * const result = await profile("data/series/pre-ln/step00512", options);
 * const { svg, reading } = importanceFigure(result);
 * const before = await profile("data/series/pre-ln/step00000", options);
 * const both = importanceFigure([before, result], { width: 317, theme: "print", labels: { block: "layer" } });
 * ```
 */
export const importanceFigure: Draw<[Profile | readonly Profile[]]> = figure(
  "importance",
  ofProfiles,
  (given) => {
    const profiles = listOf(given);
    return {
      title: titleOf(profiles),
      subtitle:
        "Importance 1 − cos(X, Y) of each module: how far it turns the residual stream. Bars: ± 1 standard error. " +
        `The title counts layers where the two differ (95 %).${outsizedText(profiles, KINDS)}${
          severalText(profiles)
        }`,
      reading: eachOf(profiles, readingOf, " "),
      ...profileParts(given, KINDS, {
        read: importanceIn,
        label: "importance (log)",
        value: "importance",
        log: true,
      }),
    };
  },
);

/** Only layers whose samples tell the two apart are counted (95 %, paired). */
function titleOf(profiles: readonly Profile[]): string {
  const tallies = profiles.map((profile) => tally(moduleSigns(profile)));
  const sum = (part: "below" | "above" | "unknown" | "all") =>
    tallies.reduce((total, counts) => total + counts[part], 0);
  if (sum("all") === 0) return "Importance of every module";
  if (sum("unknown") === sum("all")) {
    return `Cannot tell in any of ${sum("all")} layers whether attention or the MLP is more redundant`;
  }
  const [more, part] = sum("below") >= sum("above")
    ? ["Attention is more redundant than the MLP", "below"] as const
    : ["The MLP is more redundant than attention", "above"] as const;
  const counts = eachOf(profiles, (profile, name) => {
    const counted = tallies[profiles.indexOf(profile)];
    const where = name === null ? "" : ` of ${name}`;
    return `${counted[part]} of ${counted.all} layers${where}${unknownText(counted, "in")}`;
  });
  return `${more} in ${counts}`;
}

function readingOf(profile: Profile, name: string | null): string {
  const text = KINDS.flatMap((kind) => {
    const ranked = byImportance(profile, kind);
    if (ranked.length === 0) return [];
    const [lowest, highest] = [endText(profile, ranked), endText(profile, ranked.toReversed())];
    return [`${KIND_NAMES[kind]}: lowest in layer ${lowest}, highest in layer ${highest}`];
  }).join("; ") + ".";
  return name === null ? text.replace(/^./, (letter) => letter.toUpperCase()) : `${name}: ${text}`;
}

/** The first of a ranking: its layer, its importance, and how many others the samples do not tell from it. */
function endText(profile: Profile, [first, ...others]: readonly RankedModule[]): string {
  const near = others.filter((other) => importanceSign(profile, first, other) === 0).length;
  const open = near === 0 ? "" : `, cannot tell from ${near} other${near === 1 ? "" : "s"}`;
  return `${first.layer} (${formatNumber(first.score)}${open})`;
}
