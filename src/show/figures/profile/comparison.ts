import { resultOf } from "../../../entry/mod.ts";
import { KINDS, rankStability } from "../../../measure/mod.ts";
import { attentionMedians, leastImportant, type Profile, quarter } from "../../../result/mod.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { type Finding, KIND_NAMES, reading } from "../../words/mod.ts";
import { IMPORTANCE, namesOf, profileContent } from "../profiles.ts";

/**
 * Draws the importance of every module in two profiles: attention, MLP and block, one below the other. Models that differ in depth are
 * drawn over relative depth, and the reading says that their layers cannot be ranked together. `importanceFigure` takes more than two.
 */
export const comparisonFigure: Draw<[Profile, Profile]> = figure("comparison", {
  "the first": resultOf("profile"),
  "the second": resultOf("profile"),
}, (a, b) => {
  const names = namesOf([a, b]);
  return profileContent([a, b], {
    ...IMPORTANCE,
    title: () => finding(a, b, names),
    shows: [
      reading`Importance 1 − cos(X, Y) by layer, on one scale. Filled, solid: ${names[0]}; hollow, dashed:
        ${names[1]}.`,
      "Bars: ± 1 standard error.",
    ],
    reads: agreement(a, b),
  });
});

function finding(a: Profile, b: Profile, names: readonly string[]): Finding {
  const medians = attentionMedians(a, b);
  if (!medians) return { topic: `Importance in ${names[0]} and ${names[1]}` };
  const { one, other, sign } = medians;
  return {
    found: reading`Attention's median importance: ${{ measured: one }} in ${names[0]},
      ${{ measured: other }} in ${names[1]}`,
    open: sign === 0 && "which is lower",
  };
}

function agreement(a: Profile, b: Profile): string {
  const layers = [a, b].map(({ provenance }) => provenance.model.layers);
  if (layers[0] !== layers[1]) {
    return `The models have ${layers[0]} and ${layers[1]} layers, so their ranks cannot be compared.`;
  }
  const agreements = KINDS.flatMap((kind) => {
    const [lowest, others] = [a, b].map((profile) => leastImportant(profile, kind, quarter(layers[0])));
    if (lowest.length === 0 || others.length === 0) return [];
    const rank = rankStability(a[kind].importance, b[kind].importance);
    const common = lowest.filter((layer) => others.includes(layer)).length;
    const ranks = rank !== null && reading`, rank correlation ${{ fixed: rank, decimals: 2 }}`;
    return [
      reading`${KIND_NAMES[kind]}: ${common} of the ${lowest.length} least important in both${ranks}`,
    ];
  });
  return agreements.length ? `${agreements.join("; ")}.` : "The models have no module in common.";
}
