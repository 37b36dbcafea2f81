/** Two profiles side by side: which modules both would drop, and how similar their rankings are. */
import { type ModuleKind, overlapOf, pairsOf, rankCorrelation } from "../../measure/mod.ts";
import { displayable, expect } from "../../entry/mod.ts";
import {
  type Agreement,
  type Comparison,
  computedAlike,
  computedIn,
  head,
  type Profile,
} from "../../result/mod.ts";
import { aProfile } from "../base/plan.ts";
import { rank } from "./rank.ts";

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
  const agreement = (kind: ModuleKind): Agreement => {
    const pairs = pairsOf(a[kind].importance, b[kind].importance);
    const layers = (profile: Profile) => rank(profile, { target: kind }).map(({ layer }) => layer);
    return {
      overlap: overlapOf(layers(a), layers(b), pairs.length),
      rankCorrelation: rankCorrelation(pairs),
      largestDifference: Math.max(0, ...pairs.map(([x, y]) => Math.abs(x - y))),
    };
  };
  return displayable({
    ...head("compare"),
    models: [a.provenance.model.name, b.provenance.model.name],
    ...computedAlike(a.provenance, b.provenance)
      ? {}
      : { computed: [computedIn(a.provenance), computedIn(b.provenance)] },
    attention: agreement("attention"),
    mlp: agreement("mlp"),
    block: agreement("block"),
  });
}
