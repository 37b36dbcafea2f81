/** Relative magnitude of the updates by layer: mean |a| / |x| and mean |m| / |X| (paper, claim C7: attention's is low). */
import { type LayerModule, MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { errorsOf } from "../../chart/lines.ts";
import { formatFixed, formatNumber, formatRange, median } from "../../chart/numbers.ts";
import {
  eachOf,
  importanceIn,
  listOf,
  ofProfiles,
  outsizedText,
  profileParts,
  severalText,
} from "../../chart/profiles.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { magnitudeRatio } from "../../chart/told.ts";

/**
 * Draws the size of the updates relative to the stream, of one profile or of several on one scale.
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
export const magnitudeFigure: Draw<[Profile | readonly Profile[]]> = figure(
  "magnitude",
  ofProfiles,
  (given) => {
    const profiles = listOf(given);
    return {
      title: titleOf(profiles),
      subtitle:
        "Mean |a| / |x| of attention and |m| / |x + a| of the MLP, over tokens. Bars: ± 1 standard error." +
        outsizedText(profiles, MODULES) + severalText(profiles),
      reading: eachOf(profiles, readingOf, " "),
      ...profileParts(given, MODULES, {
        read,
        label: "relative magnitude (log)",
        value: "relative_magnitude",
        log: true,
      }),
    };
  },
);

function read(profile: Profile, kind: LayerModule) {
  return {
    ...importanceIn(profile, kind),
    values: profile[kind].relativeMagnitude,
    errors: errorsOf(profile, kind, "magnitude"),
  };
}

/** The medians over the layers; null where one of the two kinds has none. */
function mediansOf(profile: Profile): { readonly attention: number; readonly mlp: number } | null {
  const [attention, mlp] = MODULES.map((kind) => median(profile[kind].relativeMagnitude));
  return attention !== null && mlp !== null && mlp > 0 ? { attention, mlp } : null;
}

function titleOf(profiles: readonly Profile[]): string {
  const known = profiles.filter(mediansOf);
  if (known.length === 0) return "Size of the updates relative to the residual stream";
  if (profiles.length === 1) {
    const { ratio, range } = ratioOf(known[0]);
    return `The median attention update is ${ratio} times the size of the median MLP update (${range})`;
  }
  const each = eachOf(known, (profile, name) => {
    const { ratio, range } = ratioOf(profile);
    return `${ratio}${name === null ? "" : ` in ${name}`} (${range})`;
  });
  return `Size of the median attention update as a multiple of the median MLP update: ${each}`;
}

/** The ratio of the medians, and its interval in words. */
function ratioOf(profile: Profile) {
  const { attention, mlp } = mediansOf(profile)!;
  const interval = magnitudeRatio(profile);
  return {
    ratio: formatFixed(attention / mlp, 2),
    range: interval ? `95 %: ${formatRange(...interval)}` : "one sample, no interval",
  };
}

function readingOf(profile: Profile, name: string | null): string {
  const medians = mediansOf(profile);
  const fraction = "the length of an update as a fraction of the stream's.";
  if (!medians) return fraction.replace(/^t/, "T");
  return `${name === null ? "The" : `${name}: the`} median over the layers is ${
    formatNumber(medians.attention)
  } for attention and ${formatNumber(medians.mlp)} for the MLP: ${fraction}`;
}
