import { MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import type { Draw } from "../../chart/svg.ts";
import { formatShare, KIND_NAMES, reading } from "../../words/mod.ts";
import { profileFigure } from "../profiles.ts";
import { countsOf } from "./sign.ts";

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
    "Bars: ± 1 standard error. The title counts layers that differ from chance (95 %).",
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
