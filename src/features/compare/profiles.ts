import { displayable, eachOf, expect } from "core/entry/mod.ts";
import { KINDS, overlapOf, pairsOf, rankCorrelation } from "core/measure/mod.ts";
import { type Agreement, compareKind, type Comparison } from "./result.ts";
import { computedAlike, computedIn, head } from "core/result/mod.ts";
import type { Profile } from "../profile/mod.ts";
import { aProfile } from "core/study/plan.ts";
import { rank } from "../orders/mod.ts";

/**
 * Compares two profiles of models with the same number of layers. Throws `RangeError` if the numbers differ.
 *
 * @example
 * ```ts
 * import { compare, openModel, profile } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const profileOf = (text: string) => profile(model, { text, samples: 2, length: 32 });
 * console.log(compare(await profileOf("README.md"), await profileOf("LICENSE")).attention.rankCorrelation);
 * ```
 */
export function compare(a: Profile, b: Profile): Comparison {
  expect("compare", "the first", a, aProfile);
  expect("compare", "the second", b, aProfile);
  const [layersA, layersB] = [a.provenance.model.layers, b.provenance.model.layers];
  if (layersA !== layersB) {
    throw new RangeError(
      `Cannot compare profiles of ${layersA} and ${layersB} layers: expected equal numbers of layers`,
    );
  }
  return displayable({
    ...head(compareKind),
    models: [a.provenance.model.name, b.provenance.model.name],
    ...computedAlike(a.provenance, b.provenance)
      ? {}
      : { computed: [computedIn(a.provenance), computedIn(b.provenance)] },
    ...eachOf(KINDS, (kind): Agreement => {
      const pairs = pairsOf(a[kind].importance, b[kind].importance);
      const layers = (profile: Profile) => rank(profile, { target: kind }).map(({ layer }) => layer);
      return {
        overlap: overlapOf(layers(a), layers(b), pairs.length),
        rankCorrelation: rankCorrelation(pairs),
        largestDifference: Math.max(0, ...pairs.map(([x, y]) => Math.abs(x - y))),
      };
    }),
  });
}
