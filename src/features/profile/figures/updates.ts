import { type LayerModule, MODULES } from "core/measure/mod.ts";
import type { Profile } from "../result.ts";
import type { Draw } from "core/show/chart/svg.ts";
import { endsText, formatFixed, formatShare, KIND_NAMES, reading, unknownText } from "core/show/words/mod.ts";
import { profileFigure } from "./profiles.ts";
import { directionSigns, medianMagnitudes } from "../signs.ts";
import { namesOf } from "core/show/words/names.ts";
import { tally } from "core/result/mod.ts";

/** Draws the share of the updates' energy that lies along the stream, mean cos²(u, X), of one profile or of several on one scale (arXiv 2609.15975). */
export const directionsFigure: Draw<[Profile | readonly Profile[]]> = profileFigure("directions", {
  title(profiles) {
    const each = countsOf(profiles, "above", "along", profiles.length > 1);
    return {
      topic: "Share of the updates' energy along the stream",
      found: each.length > 0 && `More energy lies along the stream than by chance in ${each.join("; ")}`,
    };
  },
  shows: [
    "Mean cos²(u, X) over tokens: what lies along the stream only stretches it; what lies across it turns it.",
    "Bars: ± 1 standard error. The title counts layers that differ from chance, 1/D in D dimensions (95 %).",
  ],
  reads: explained,
  y: "along",
  error: "along_error",
  label: "share of energy along the stream (log)",
  log: true,
  kinds: MODULES,
});

/** Modules whose importance the formula gives within a tenth. */
function explained(profile: Profile): string {
  const all = MODULES.flatMap((kind) => {
    const { importance, directions: { turning } } = profile[kind];
    return importance.flatMap((value, layer) =>
      value ? [{ kind, layer, error: Math.abs(turning[layer]! / value - 1) }] : []
    );
  });
  const near = all.filter(({ error }) => error <= 0.1).length;
  const [worst] = all.toSorted((a, b) => b.error - a.error);
  if (!worst) return "no module has an importance to explain";
  const { hidden } = profile.sizes;
  return reading`a random direction has 1/${hidden} = ${{ share: 1 / hidden }} of its energy along the stream.
    β²/(2(1 + α)²), the turning alone, is within 10 % of the importance of ${near} of ${all.length} modules, and farthest
    in ${KIND_NAMES[worst.kind]} ${worst.layer} (${formatShare(worst.error)}).`;
}

/** Draws relative magnitude, mean |a| / |x| and mean |m| / |X|, of one profile or of several on one scale (paper, claim C7: attention's is low). */
export const magnitudeFigure: Draw<[Profile | readonly Profile[]]> = profileFigure("magnitude", {
  title(profiles) {
    const names = namesOf(profiles);
    const ratios = profiles.flatMap((profile, i) => {
      const found = medianMagnitudes(profile);
      return found
        ? [{ name: names[i], ratio: formatFixed(found.ratio, 2), ends: endsText(found.ends) }]
        : [];
    });
    if (ratios.length === 0) return { topic: "Size of the updates relative to the residual stream" };
    const [{ ratio, ends }] = ratios;
    const each = ratios.map(({ name, ratio, ends }) => `${ratio} in ${name} (${ends})`);
    return {
      found: profiles.length === 1
        ? `The median attention update is ${ratio} times the size of the median MLP update (${ends})`
        : reading`Size of the median attention update as a multiple of the median MLP update: ${each}`,
    };
  },
  shows: ["Mean |a| / |x| of attention and |m| / |x + a| of the MLP, over tokens. Bars: ± 1 standard error."],
  reads(profile) {
    const found = medianMagnitudes(profile);
    const fraction = "the length of an update as a fraction of the stream's.";
    if (!found) return fraction;
    return reading`the median over the layers is ${{ measured: found.attention }} for attention and
      ${{ measured: found.mlp }} for the MLP: ${fraction}`;
  },
  y: "relative_magnitude",
  error: "relative_magnitude_error",
  label: "relative magnitude (log)",
  log: true,
  rings: true,
  kinds: MODULES,
});

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
function countsOf(
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
