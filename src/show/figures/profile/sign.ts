/** Direction of the updates along the stream: mean cos(u, X); below 0 an update erases, above it amplifies. */
import { type LayerModule, MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { errorsOf } from "../../chart/lines.ts";
import { eachOf, listOf, ofProfiles, profileParts, severalText } from "../../chart/profiles.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { directionSigns, tally, unknownText } from "../../chart/told.ts";

/**
 * Draws whether updates point along the residual stream or against it, of one profile or of several on one scale.
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
export const signFigure: Draw<[Profile | readonly Profile[]]> = figure("sign", ofProfiles, (given) => {
  const profiles = listOf(given);
  const against = profiles.some((profile) => countsOf(profile).length > 0);
  return {
    title: against
      ? `Updates point against the stream in ${eachOf(profiles, countsText, "; ")}`
      : "Direction of the updates along the stream",
    subtitle:
      "Mean cos(u, X) over tokens: below 0 an update erases, near 0 it adds something new, above 0 it amplifies. " +
      `The title counts layers where it differs from 0 (95 %).${severalText(profiles)}`,
    reading: "An update of the same size turns the stream further when it points against it: " +
      "the sign distinguishes two updates of equal magnitude.",
    ...profileParts(given, MODULES, { read, label: "cos(u, X)", value: "sign", log: false }),
  };
});

function read(profile: Profile, kind: LayerModule) {
  return { values: profile[kind].sign, errors: errorsOf(profile, kind, "sign") };
}

function countsText(profile: Profile, name: string | null): string {
  const counts = countsOf(profile).join(", ");
  return name === null ? counts : `${counts} of ${name}`;
}

/** "3 of 5 attention layers (cannot tell in 1)", for each kind that the model has. */
function countsOf(profile: Profile): string[] {
  return MODULES.flatMap((kind) => {
    const { below, all, unknown } = tally(directionSigns(profile, kind));
    return all === 0
      ? []
      : [`${below} of ${all} ${KIND_NAMES[kind]} layers${unknownText({ unknown }, "in")}`];
  });
}
