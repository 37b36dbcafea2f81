/** Rankings from a profile and from two side by side, and the number of modules that can be dropped. */
import {
  type Check,
  type Checks,
  displayable,
  eachOf,
  expect,
  like,
  list,
  oneOf,
  optionsOf,
  record,
  required,
  wholeNumber,
} from "../../entry/mod.ts";
import { KINDS, MODULES, overlapOf, pairsOf, rankCorrelation, toldSign } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import {
  type Agreement,
  type Comparison,
  computedAlike,
  computedIn,
  type DropOrder,
  head,
  PAPER_SCORE,
  type Plan,
  type Profile,
  type RankName,
  RANKS,
  SCORES,
  type Target,
} from "../../result/mod.ts";
import { aModule, aProfile } from "../base/plan.ts";
import { candidatesOf, type Entry, ranked, type Scores } from "../scores/score.ts";
import { scores } from "../scores/mod.ts";
import { constraintsOf, fits } from "./constraints.ts";

/** The targets that a profile can rank: all except windows. */
export type RankTarget = Exclude<Target, "consecutive">;
/** A module and the score that ordered it. */
export type Ranked = Plan["order"][number];

export const aTarget: Check = oneOf([...KINDS, "joint"]);
export const anOrder: Check = oneOf(RANKS);

/** Importances of every kind of module; profiles have them, and results of randomInit. */
const scored: Check = like(
  "a profile",
  (value) => KINDS.every((kind) => Array.isArray((value as Partial<Scores> | null)?.[kind]?.importance)),
);

/** What `rank` ranks, and by which score. */
export interface RankOptions {
  /** The modules that compete. */
  readonly target: RankTarget;
  /** The score; default: importance. */
  readonly by?: RankName | undefined;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | undefined;
}

const rankChecks: Checks<RankOptions> = { target: required(aTarget), by: anOrder, seed: wholeNumber(0) };

/**
 * Ranks all modules of a target in drop order.
 *
 * @example
 * ```ts
 * import { openModel, profile, rank } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const [first, second] = rank(result, { target: "attention" }); // the most redundant modules
 * console.log(first.layer, second.layer);
 * ```
 */
export function rank(profile: Scores, options: RankOptions): Ranked[] {
  expect("rank", "profile", profile, scored);
  expect("rank", "options", options, optionsOf(rankChecks));
  const { target, by = PAPER_SCORE, seed = 0 } = options;
  const entries = (target === "joint" ? MODULES : [target]).flatMap((module) =>
    profile[module].importance.flatMap((value, layer): Entry[] =>
      value === null ? [] : [{ module, layer, size: 1 }]
    )
  );
  const layers = profile.block.importance.length;
  const numbers = scores[by].modules.read(profile, entries, { layers, seed });
  return ranked(entries, numbers, scores[by]).map(({ size: _, ...entry }) => entry);
}

export function rankedOrder(profile: Profile, options: RankOptions): DropOrder {
  const { target, by = PAPER_SCORE, seed = 0 } = options;
  const order = rank(profile, options).map((entry) => ({ ...entry, size: 1 }));
  return {
    ...head("order"),
    provenance: profile.provenance,
    ...{ target, by, seed: SCORES[by].seeded ? seed : null, upto: order.length },
    ...{ constraints: constraintsOf({}), nll: null, order, sizes: profile.sizes },
  };
}

/** How many modules of a target can be dropped; of consecutive blocks, those of the largest window. */
export function droppable(spec: ModelSpec, target: Target, constraints = constraintsOf({})): number {
  const { layers: { length } } = spec;
  const { protectFirst, protectLast } = constraints;
  if (target === "consecutive") return Math.max(0, length - protectFirst - protectLast);
  return candidatesOf(spec, target, 0).filter((entry) => fits(entry, [], length, constraints)).length;
}

const aRank = record(
  { module: required(aModule), layer: required(wholeNumber(0)), score: like("a number", () => true) },
  "an entry of a ranking",
);

/**
 * Returns whether two neighbours in a ranking can be distinguished (95 %, paired over samples).
 *
 * @example
 * ```ts
 * import { distinct, openModel, profile, rank } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const neighbours = rank(result, { target: "attention" }).slice(0, 2);
 * console.log(distinct(result, neighbours)); // true if the samples distinguish them
 * ```
 */
export function distinct(profile: Profile, neighbours: readonly Ranked[]): boolean {
  expect("compare ranks", "profile", profile, aProfile);
  expect("compare ranks", "neighbours", neighbours, list(aRank, "neighbours", 2));
  const values = ({ module, layer }: Ranked) =>
    profile.sums[module][layer]!.map((sample) => sample.distance / sample.counted);
  const [a, b] = neighbours.map(values);
  return toldSign(a.map((value, i) => value - b[i])) !== 0;
}

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
    ...head("compare"),
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
