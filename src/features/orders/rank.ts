/** Rankings from a profile and from two side by side, and the number of modules that can be dropped. */
import {
  type Check,
  expect,
  like,
  type Of,
  oneOf,
  optionsOf,
  required,
  wholeNumber,
} from "core/entry/mod.ts";
import { KINDS, MODULES } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { type DropOrder, orderKind } from "./result.ts";
import { head, PAPER_SCORE, RANKS, SCORES, type Target } from "core/result/mod.ts";
import type { Profile, Ranked } from "../profile/mod.ts";
import { candidatesOf, type Entry, ranked, type Scores } from "./scores/score.ts";
import { scores } from "./scores/mod.ts";
import { constraintsOf, fits } from "./constraints.ts";

/** The targets that a profile can rank: all except windows. */
export type RankTarget = Exclude<Target, "consecutive">;

export const aTarget = oneOf([...KINDS, "joint"]);
export const anOrder = oneOf(RANKS);

/** Importances of every kind of module; profiles have them, and results of randomInit. */
const scored: Check = like(
  "a profile",
  (value) => KINDS.every((kind) => Array.isArray((value as Partial<Scores> | null)?.[kind]?.importance)),
);

/** The checks of `RankOptions`, option by option. */
export const rankChecks = {
  /** The modules that compete. */
  target: required(aTarget),
  /** The score; default: importance. */
  by: anOrder,
  /** Seed of a random order; default: 0. */
  seed: wholeNumber(0),
};

/** What `rank` ranks, and by which score. */
export type RankOptions = Of<typeof rankChecks>;

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
    ...head(orderKind),
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
