/**
 * From scores to a list of drops: the n lowest, in order (one-shot, as in the paper), or as an order has them (orders/order.ts).
 *
 * What a profile has is ranked here: importance, relative magnitude; baselines: a random order from a seed, deepest first.
 */
import {
  type Check,
  expect,
  like,
  list,
  oneOf,
  optionsOf,
  orElse,
  record,
  required,
  resultOf,
  text,
  wholeNumber,
} from "../entry/mod.ts";
import { KINDS, type ModuleKind, MODULES, toldSign } from "../measure/mod.ts";
import type { ModelSpec } from "../models/mod.ts";
import { CHANGES, type ModuleMeans, type Plan, type Profile, TARGETS } from "../result/mod.ts";
import { type DropPlan, dropPlan } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { permutation } from "../tensor/mod.ts";
import { candidatesOf, modulesOf } from "./orders/candidates.ts";
import { constraintChecks, type ConstraintOptions, constraintsOf, fits } from "./orders/constraints.ts";

/** The modules that a plan chooses from: one kind, attention and MLP in one list, or windows of consecutive blocks. */
export type Target = Plan["target"];
/** The score or search that orders them, lowest first. */
export type Order = Plan["by"];
/** The targets that a profile can rank: all except windows. */
export type RankTarget = Exclude<Target, "consecutive">;
/** The scores that a profile can rank by. */
export type RankOrder = Extract<Order, "importance" | "magnitude" | "random" | "deepest">;

/** A module and the score that ordered it. */
export type Ranked = Plan["order"][number];

/** The values of a profile that order modules; null where a layer has no such module. */
export type Scores = Readonly<
  Record<ModuleKind, Pick<ModuleMeans, "importance" | "relativeMagnitude">>
>;

export const aTarget: Check = oneOf([...KINDS, "joint"]);
export const anOrder: Check = oneOf(["importance", "magnitude", "random", "deepest"]);
const anyTarget: Check = oneOf(TARGETS);
/** A kind of module that is measured. */
export const aModule: Check = oneOf(KINDS);
export const aProfile: Check = resultOf("profile");

/** A change of one module. */
const aChange: Check = record({
  layer: required(wholeNumber(0)),
  module: required(oneOf(MODULES)),
  to: required(oneOf(CHANGES)),
  tensors: text,
  heads: list(wholeNumber(0), "heads", 1),
}, 'a change as { layer: 1, module: "attention", to: "weights", heads: [0] }');

/** What to change: a plan, lists of layers to drop, or a list of changes. */
export const aDrop: Check = orElse(
  (value) => typeof value === "object" && value !== null && "kind" in value,
  resultOf("plan"),
  record(
    {
      attention: list(wholeNumber(0), "layers"),
      mlp: list(wholeNumber(0), "layers"),
      changes: list(aChange, "changes"),
    },
    "a plan, or lists of layers as { attention: [1, 2], mlp: [3] }",
  ),
);

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
  scores: Scores,
  target: RankTarget,
  by: RankOrder = "importance",
  seed = 0,
): Ranked[] {
  expect("rank", "profile", scores, scored);
  expect("rank", "target", target, aTarget);
  expect("rank", "by", by, anOrder);
  expect("rank", "seed", seed, wholeNumber(0));
  const kinds = target === "joint" ? MODULES : [target];
  const score = by === "magnitude" ? "relativeMagnitude" : "importance";
  const present = kinds.flatMap((module) =>
    scores[module][score].flatMap((value, layer): Ranked[] =>
      value === null ? [] : [{ module, layer, score: value }]
    )
  );
  switch (by) {
    case "importance":
    case "magnitude":
      return present.sort((a, b) => a.score! - b.score! || b.layer - a.layer);
    case "deepest":
      return present.sort((a, b) => b.layer - a.layer).map((entry) => ({ ...entry, score: null }));
    case "random":
      return permutation(present.length, seed).map((i) => ({ ...present[i], score: null }));
  }
}

/** Modules as lists of layers, in order; for a block, the modules that exist. */
export function dropsOf(scores: Scores, order: readonly Ranked[]): { attention: number[]; mlp: number[] } {
  const entries = order.map((entry) => ({ ...entry, size: 1 }));
  return modulesOf(entries, (kind, layer) => scores[kind].importance[layer] !== null);
}

function isModel(value: unknown): boolean {
  return typeof value === "object" && value !== null && "spec" in value && "identity" in value;
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
  expect("count droppable modules", "target", target, anyTarget);
  expect("count droppable modules", "constraints", constraints, optionsOf(constraintChecks));
  const { layers } = spec;
  const { protectFirst, protectLast } = constraintsOf(constraints);
  if (target === "consecutive") return Math.max(0, layers.length - protectFirst - protectLast);
  return candidatesOf(spec, target, 0)
    .filter((entry) => fits(entry, [], layers.length, constraintsOf(constraints))).length;
}

/**
 * Returns the changes of this model's modules in normal form, from lists of layers, a list of changes, or a plan. Throws `TypeError`
 * for a plan made from another model, and `RangeError` for a module that cannot be changed so, or is changed twice.
 *
 * @example
 * ```ts
 * import { dropsIn, makePlan, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const drop = dropsIn(model, makePlan(result, { target: "mlp", drop: 2 }));
 * console.log(drop.mlp);
 * model.close();
 * ```
 */
export function dropsIn(
  model: Pick<StudyModel, "spec" | "identity">,
  plan: Partial<DropPlan> | Plan,
): DropPlan {
  expect("drop modules", "model", model, like("an opened model", (value) => isModel(value)));
  expect("drop modules", "plan", plan, aDrop);
  const { spec, identity } = model;
  if ("kind" in plan) expectPlanOf(identity, plan);
  return dropPlan(spec, plan);
}

/** Throws `TypeError` for a plan that was made from a model of another depth. */
export function expectDepth(
  { name, layers }: Pick<StudyModel["identity"], "name" | "layers">,
  plan: Plan,
): void {
  if (plan.layers === layers) return;
  throw new TypeError(
    `Cannot apply a plan made from ${plan.model} (${plan.layers} layers) to ${name} (${layers} layers): expected a plan made ` +
      "from this model",
  );
}

function expectPlanOf(identity: StudyModel["identity"], plan: Plan): void {
  expectDepth(identity, plan);
  const found = plan.provenance?.model;
  if (!found || found.fingerprint === identity.fingerprint) return;
  const flags = [
    ...plan.attention.length ? [`--drop-attention ${plan.attention.join(",")}`] : [],
    ...plan.mlp.length ? [`--drop-mlp ${plan.mlp.join(",")}`] : [],
  ];
  throw new TypeError(
    `Cannot apply a plan made from ${found.name} (${found.fingerprint}) to ${identity.name} ` +
      `(${identity.fingerprint}): expected a plan made from this model; to drop the same layers anyway, ` +
      `use ${flags.join(" ") || "no plan"}`,
  );
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
