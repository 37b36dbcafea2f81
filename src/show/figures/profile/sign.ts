import { type LayerModule, MODULES } from "../../../measure/mod.ts";
import { directionSigns, type Profile, tally } from "../../../result/mod.ts";
import type { Draw } from "../../chart/svg.ts";
import { KIND_NAMES, unknownText } from "../../words/mod.ts";
import { namesOf, profileFigure } from "../profiles.ts";

/** Draws whether updates point along the residual stream or against it, mean cos(u, X), of one profile or of several on one scale. */
export const signFigure: Draw<[Profile | readonly Profile[]]> = profileFigure("sign", {
  title(profiles) {
    const each = countsOf(profiles, "below", "sign");
    return {
      topic: "Direction of the updates along the stream",
      found: each.length > 0 && `Updates point against the stream in ${each.join("; ")}`,
    };
  },
  shows: [
    "Mean cos(u, X) over tokens: below 0 an update erases, near 0 it adds something new, above 0 it amplifies.",
    "The title counts layers where it differs from 0 (95 %).",
  ],
  reads: "An update of the same size turns the stream further when it points against it: " +
    "the sign distinguishes two updates of equal magnitude.",
  y: "sign",
  error: "sign_error",
  label: "cos(u, X)",
  kinds: MODULES,
});

/** "3 of 5 attention layers (cannot tell in 1)", for each kind that a profile has, or for all modules together. */
export function countsOf(
  profiles: readonly Profile[],
  side: "below" | "above",
  sum: "sign" | "along",
  together = false,
) {
  const names = namesOf(profiles);
  return profiles.flatMap((profile, i) => {
    const signsOf = (kind: LayerModule) => directionSigns(profile, kind, sum);
    const own = MODULES.map((kind) => ({ what: `${KIND_NAMES[kind]} layers`, signs: signsOf(kind) }));
    const found = (together ? [{ what: "modules", signs: own.flatMap(({ signs }) => signs) }] : own)
      .map(({ what, signs }) => ({ what, counts: tally(signs) })).filter(({ counts }) => counts.all > 0)
      .map(({ what, counts }) => `${counts[side]} of ${counts.all} ${what}${unknownText(counts, "in")}`);
    return found.length === 0 ? [] : [`${found.join(", ")}${profiles.length > 1 ? ` of ${names[i]}` : ""}`];
  });
}
