/** Which curves a sweep measures: those that a profile ranks, and those whose orders have to be made. */
import { REPAIRS } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import {
  candidatesOf,
  constrains,
  constraintChecks,
  constraintsOf,
  dropOfEntries,
  type DropOrder,
  droppable,
  orderingChecks,
  ranked,
  type Request,
  requestOf,
  scores,
} from "../orders/mod.ts";
import type { Profile } from "../profile/mod.ts";
import { ORDERS, type ScoreName, SCORES, type Target, TARGETS } from "core/result/mod.ts";
import { type StudyModel, textChecks } from "core/subject/mod.ts";
import { list, type Of, oneOf, option, optionsOf, orElse, resultOf, wholeNumber } from "core/entry/mod.ts";
import { heldOutChecks, REPAIR_SAMPLES, repairFitChecks, type StudyOptions } from "core/study/options.ts";
import {
  aCurve,
  type Curve,
  seedsOf,
  stepList,
  stepsWithin,
  SWEEP_STEPS,
  sweepSteps,
  SWEPT,
} from "./curves.ts";
import { textOf } from "core/study/text.ts";
import { repairing } from "../repair/mod.ts";

/** The checks of `CalibratedOptions`, option by option. */
export const calibratedChecks = {
  /**
   * Repairs of the dropped modules, fitted on the calibration text. `sweep` adds a line of each beside every curve, without the numbers
   * at which it is refused, or no better than the drop on samples held out of the fit; `fit` tries them where the bare drop breaks the
   * promise. Default: none.
   */
  repair: option(
    list(oneOf(REPAIRS), "repairs"),
    "<repairs> add a line for each repair of the dropped modules",
  ),
  /** Text that orders and repairs are computed from; default: 8 blocks of 512 tokens of `stories`. */
  calibration: optionsOf(textChecks),
  ...repairFitChecks,
  /** A profile of the model; default: it is measured over the calibration text. */
  profile: resultOf<Profile>("profile"),
};

/** What the orders and the repairs of a study are computed from. */
export type CalibratedOptions = Of<typeof calibratedChecks>;

/** The calibration text of a study, and the ways to repair that its options name. */
export function calibrated(
  model: StudyModel,
  { bos, repair, sequential = false, repairSamples = REPAIR_SAMPLES, ...options }:
    & CalibratedOptions
    & Pick<StudyOptions, "bos">,
) {
  const calibration = { ...bos === undefined ? {} : { bos }, ...options.calibration };
  const fitted = textOf(model, { ...calibration, samples: repairSamples });
  return {
    calibration,
    calibrating: textOf(model, calibration),
    ways: [...new Set(repair)].map((by) => repairing(model, fitted, by, sequential)),
  };
}

const hasKind = (value: unknown) => typeof value === "object" && value !== null && "kind" in value;
const curveOrOrder = orElse(hasKind, resultOf<DropOrder>("order"), aCurve);
/** The checks of `SweepOptions`, option by option. */
export const sweepChecks = {
  ...heldOutChecks,
  ...constraintChecks,
  /** The modules to drop; default: attention. */
  targets: list(oneOf(TARGETS), "targets", 1),
  /** Largest number of modules to drop; default: 15, or all. */
  upto: option(wholeNumber(0), "<n> drop at most this many modules", `${SWEEP_STEPS.at(-1)}, or all`),
  /** The scores and searches that order them; default: importance, and its baselines magnitude, deepest and random. */
  by: option(list(oneOf(ORDERS), "scores", 1), "<orders> orders to compare", "importance and baselines"),
  ...calibratedChecks,
  /** Seed of the first random order; default: 0. */
  seed: orderingChecks.seed,
  /** Number of random orders; default: 3. */
  seeds: wholeNumber(0),
  /** Numbers of drops; default: 0, 1, 2, 4, 8, 12, … up to `upto`. */
  steps: stepList,
  /** Curves and orders to measure instead of those that `targets` and `by` name. */
  curves: list(curveOrOrder, "curves"),
};

/** Options of `sweep`. The quality is measured over `text`. */
export type SweepOptions = Of<typeof sweepChecks>;

/**
 * The parts of a sweep: steps, curves that a profile ranks or orders that are there, and orders that have to be
 * made. Throws `RangeError` where more is to be dropped than the model has.
 */
export function partsOf(model: StudyModel, options: SweepOptions) {
  const { spec, name } = model;
  const { targets = ["attention"], by = SWEPT, upto, seed = 0, seeds = 3 } = options;
  const { curves } = options;
  const constraints = constraintsOf(options);
  const steps = options.steps ?? sweepSteps(upto);
  const ranked: (Curve | DropOrder)[] = (curves ?? []).map((curve) =>
    "kind" in curve ? curve : { ...curve, seed: curve.seed ?? null }
  );
  const orders: Request[] = [];
  if (curves) return { steps, ranked, orders };
  for (const target of targets) {
    const most = droppable(spec, target, constraints);
    if (upto !== undefined && upto > most) {
      throw new RangeError(
        `Cannot sweep ${target} of ${name}: upto is ${upto}, expected at most ${most}, the number that the model and the ` +
          "constraints allow",
      );
    }
    for (const score of by) {
      for (const own of seedsOf(score, seed, seeds)) {
        const curve = { target, by: score, seed: own };
        if (!constrains(constraints) && isRanked(curve)) ranked.push(curve);
        else {
          const last = Math.min(most, steps.at(-1)!) || 1;
          orders.push(
            requestOf(model, { ...constraints, ...curve, seed: own ?? 0, upto: last, unchecked: true }),
          );
        }
      }
    }
  }
  return { steps, ranked, orders };
}

/** Whether a profile ranks a curve: by a score that it holds, and no windows. */
function isRanked(
  curve: { readonly target: Target; readonly by: ScoreName; readonly seed: number | null },
): curve is Curve {
  return curve.target !== "consecutive" && SCORES[curve.by].ranks === true;
}

/** The plans that stand in a price for those of a curve: its own where nothing has to be measured for them. */
export function likelyPlansOf(
  spec: ModelSpec,
  curve: Curve | DropOrder,
  steps: readonly number[],
  c: number,
) {
  const { target, by, seed } = curve;
  const entries = candidatesOf(spec, target === "consecutive" ? "block" : target, 0);
  const score = scores[scores[by].baseline ? by : "random"];
  const about = { layers: spec.layers.length, seed: seed ?? c };
  const order = ranked(entries, score.modules.read(null, entries, about), score);
  return stepsWithin(steps, order.length)
    .map((dropped) => ({ dropped, plan: dropOfEntries(spec, order.slice(0, dropped)) }));
}
