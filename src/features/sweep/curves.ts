/** What a sweep runs: curves, by what they order modules, and the numbers of drops along them. */
import {
  type Check,
  expect,
  like,
  list,
  number,
  optionsOf,
  record,
  requireAll,
  required,
  wholeNumber,
} from "core/entry/mod.ts";
import { type Allowance, KINDS, withinBudget } from "core/measure/mod.ts";
import { aSweep, type Sweep } from "./result.ts";
import { anOrder, aTarget, type DropOrder, makePlan, rank, type RankTarget } from "../orders/mod.ts";
import { PAPER_SCORE, type Plan, type RankName, RANKS, type ScoreName, SCORES } from "core/result/mod.ts";
import type { Profile } from "../profile/mod.ts";

/** A curve of a sweep. */
export interface Curve {
  /** The modules that are dropped. */
  readonly target: RankTarget;
  /** The score that orders the modules. */
  readonly by: RankName;
  /** Seed of a random order; null for other orders. */
  readonly seed: number | null;
}

/** A curve as an option of `sweep`: without a seed, `seed` is null. */
export type CurveOption = Pick<Curve, "target" | "by"> & { readonly seed?: number | null | undefined };

const aSeed: Check<number | null> = (value, path) => value === null ? null : wholeNumber(0)(value, path);
export const aCurve: Check<CurveOption> = record(
  { target: required(aTarget), by: required(anOrder), seed: aSeed },
  "a curve, as { target, by, seed }",
);
export const stepList = list(wholeNumber(0), "steps", 1);

/** Returns the numbers of drops 0, 1, 2, 4, 8, 12, … up to n, and n itself. */
export function sweepSteps(upto = 15): number[] {
  const steps = [0, 1, 2];
  for (let next = 4; next < upto; next += 4) steps.push(next);
  return [...steps.filter((step) => step < upto), upto];
}

/** The default numbers of drops in a sweep. */
export const SWEEP_STEPS: readonly number[] = sweepSteps();

/** The scores of a sweep that names none: all that a profile suffices for; random orders last. */
export const SWEPT: readonly RankName[] = RANKS.toSorted((a, b) =>
  Number(SCORES[a].seeded ?? false) - Number(SCORES[b].seeded ?? false)
);

/** The seeds of a score's curves, from `seed` on; null where no seed changes it. */
export function seedsOf(by: ScoreName, seed: number, seeds: number): (number | null)[] {
  return SCORES[by].seeded ? Array.from({ length: seeds }, (_, i) => seed + i) : [null];
}

/** Returns the curve of a target by importance and its baselines, with one random order per seed, starting from `seed`. */
export function curvesOf(target: RankTarget, seeds = 3, seed = 0): Curve[] {
  return SWEPT.flatMap((by) => seedsOf(by, seed, seeds).map((own): Curve => ({ target, by, seed: own })));
}

/** The curves of `lamina figures`: three kinds by importance, and attention deepest first and in a random order. */
export const PAGE_CURVES: readonly Curve[] = [
  ...KINDS.map((target): Curve => ({ target, by: PAPER_SCORE, seed: null })),
  { target: "attention", by: "deepest", seed: null },
  { target: "attention", by: "random", seed: 0 },
];

export function curvePlans(profile: Profile, curve: Curve | DropOrder, steps: readonly number[]): Plan[] {
  if (!("kind" in curve)) {
    const { target, by, seed } = curve;
    return stepsWithin(steps, rank(profile, { target }).length)
      .map((drop) => makePlan(profile, { target, drop, by, seed: seed ?? 0, unchecked: true }));
  }
  const { target, order } = curve;
  const most = target === "consecutive" ? Math.max(0, ...order.map(({ size }) => size)) : order.length;
  return stepsWithin(steps, most).map((drop) => makePlan(curve, { drop }));
}

/** The steps that so many modules allow; what is beyond them is all of them. */
export function stepsWithin(steps: readonly number[], most: number): number[] {
  return [...new Set(steps.map((step) => Math.min(step, most)))].sort((a, b) => a - b);
}

export type { Allowance };

const allowanceChecks = requireAll({ budget: number("a number of nats") });
const aSweptCurve = like(
  "a curve of a sweep",
  (value) => Array.isArray((value as Partial<Sweep["curves"][number]> | null)?.points),
);

/**
 * Finds how many modules can be dropped along a curve of a result before the loss rises by more than `budget` nats per token.
 *
 * @example
 * ```ts
 * import { openModel, sweep } from "lamina";
 * import { allowance } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep(model, { ...text, calibration: text, targets: ["attention"], by: ["importance"], upto: 2 });
 * console.log(allowance(result, result.curves[0], { budget: 0.05 }).dropped); // number of modules to drop for at most 0.05 nats per token
 * ```
 */
export function allowance(
  result: Sweep,
  curve: Sweep["curves"][number],
  options: { readonly budget: number },
): Allowance {
  expect("find an allowance", "result", result, aSweep);
  expect("find an allowance", "curve", curve, aSweptCurve);
  expect("find an allowance", "options", options, optionsOf(allowanceChecks));
  return withinBudget(curve.points, options.budget, result.provenance.packing.samples);
}
