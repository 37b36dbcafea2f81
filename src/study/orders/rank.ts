/** Rankings from a profile, and the number of modules that can be dropped. */
import {
  type Check,
  expect,
  like,
  oneOf,
  optionsOf,
  record,
  required,
  wholeNumber,
} from "../../entry/mod.ts";
import { KINDS, MODULES, toldSign } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import {
  PAPER_SCORE,
  type Plan,
  type Profile,
  type RankName,
  RANKS,
  type Target,
  TARGETS,
} from "../../result/mod.ts";
import { aModule, aProfile } from "../base/plan.ts";
import { candidatesOf, type Entry, ranked } from "../scores/candidates.ts";
import { scores } from "../scores/mod.ts";
import type { Scores } from "../scores/score.ts";
import { constraintChecks, type ConstraintOptions, constraintsOf, fits } from "./constraints.ts";

/** The targets that a profile can rank: all except windows. */
export type RankTarget = Exclude<Target, "consecutive">;
/** A module and the score that ordered it. */
export type Ranked = Plan["order"][number];

/** Checks of a target and of a score that a profile can rank by. */
export const aTarget: Check = oneOf([...KINDS, "joint"]);
export const anOrder: Check = oneOf(RANKS);

/** Importances of every kind of module; profiles have them, and results of randomInit. */
const scored: Check = like(
  "a profile",
  (value) => KINDS.every((kind) => Array.isArray((value as Partial<Scores> | null)?.[kind]?.importance)),
);

/**
 * Ranks all modules of a target in drop order.
 *
 * @example
 * ```ts
 * import { openSeries, profile, rank } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const [first, second] = rank(result, "attention"); // the most redundant modules
 * console.log(first.layer, second.layer);
 * model.close();
 * ```
 */
export function rank(
  profile: Scores,
  target: RankTarget,
  by: RankName = PAPER_SCORE,
  seed = 0,
): Ranked[] {
  expect("rank", "profile", profile, scored);
  expect("rank", "target", target, aTarget);
  expect("rank", "by", by, anOrder);
  expect("rank", "seed", seed, wholeNumber(0));
  const entries = (target === "joint" ? MODULES : [target]).flatMap((module) =>
    profile[module].importance.flatMap((value, layer): Entry[] =>
      value === null ? [] : [{ module, layer, size: 1 }]
    )
  );
  const layers = profile.block.importance.length;
  const numbers = scores[by].modules.read(profile, entries, { layers, seed });
  return ranked(entries, numbers, scores[by]).map(({ size: _, ...entry }) => entry);
}

const aSpec = like(
  "a model's spec",
  (value) => Array.isArray((value as Partial<ModelSpec> | null)?.layers),
);

/**
 * Counts the modules of a target that can be dropped; for consecutive blocks, counts the blocks of the largest window.
 *
 * @example
 * ```ts
 * import { droppable, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * console.log(droppable(model.spec, "joint")); // attention modules and MLPs together
 * model.close();
 * ```
 */
export function droppable(spec: ModelSpec, target: Target, constraints: ConstraintOptions = {}): number {
  expect("count droppable modules", "spec", spec, aSpec);
  expect("count droppable modules", "target", target, oneOf(TARGETS));
  expect("count droppable modules", "constraints", constraints, optionsOf(constraintChecks));
  const { layers } = spec;
  const { protectFirst, protectLast } = constraintsOf(constraints);
  if (target === "consecutive") return Math.max(0, layers.length - protectFirst - protectLast);
  return candidatesOf(spec, target, 0)
    .filter((entry) => fits(entry, [], layers.length, constraintsOf(constraints))).length;
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
 * import { distinct, openSeries, profile, rank } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const [first, second] = rank(result, "attention");
 * console.log(distinct(result, first, second)); // true if the samples distinguish them
 * model.close();
 * ```
 */
export function distinct(profile: Profile, above: Ranked, below: Ranked): boolean {
  expect("compare ranks", "profile", profile, aProfile);
  expect("compare ranks", "above", above, aRank);
  expect("compare ranks", "below", below, aRank);
  const values = ({ module, layer }: Ranked) =>
    profile.sums[module][layer]!.map((sample) => sample.distance / sample.counted);
  const [a, b] = [values(above), values(below)];
  return toldSign(a.map((value, i) => value - b[i])) !== 0;
}
