/** Which curves a sweep measures: those that a profile ranks, and those whose orders have to be made. */
import type { RepairName } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import {
  candidatesOf,
  constrains,
  type ConstraintOptions,
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
import { type ScoreName, SCORES, type Target } from "core/result/mod.ts";
import { type StudyModel, textChecks, type TextOptions } from "core/subject/mod.ts";
import { aProfile } from "core/study/plan.ts";
import { optionsOf } from "core/entry/mod.ts";
import { REPAIR_SAMPLES, repairFitChecks, type StudyOptions } from "core/study/options.ts";
import { type Curve, type CurveOption, seedsOf, stepsWithin, sweepSteps, SWEPT } from "./curves.ts";
import { textOf } from "core/study/text.ts";
import { repairing } from "../repair/mod.ts";

/** What the orders and the repairs of a study are computed from. */
export interface CalibratedOptions {
  /** Text that orders and repairs are computed from; default: 8 blocks of 512 tokens of `stories`. */
  readonly calibration?: Partial<TextOptions> | undefined;
  /** A profile of the model; default: it is measured over the calibration text. */
  readonly profile?: Profile | undefined;
  /**
   * Repairs of the dropped modules, fitted on the calibration text. `sweep` adds a line of each beside every curve, without the numbers
   * at which it is refused, or no better than the drop on samples held out of the fit; `fit` tries them where the bare drop breaks the
   * promise. Default: none.
   */
  readonly repair?: readonly RepairName[] | undefined;
  /** Whether repairs are fitted on the stream of the model as repaired so far, plan by plan; default: false. */
  readonly sequential?: boolean | undefined;
  /** Samples of the calibration text that repairs are fitted on; default: 24. */
  readonly repairSamples?: number | undefined;
}

export const calibratedChecks = {
  calibration: optionsOf(textChecks),
  ...repairFitChecks,
  seed: orderingChecks.seed,
  profile: aProfile,
};

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

/** Options of `sweep`. The quality is measured over `text`. */
export interface SweepOptions extends StudyOptions, ConstraintOptions, CalibratedOptions {
  /** The modules to drop; default: attention. */
  readonly targets?: readonly Target[] | undefined;
  /** The scores and searches that order them; default: importance, and its baselines magnitude, deepest and random. */
  readonly by?: readonly ScoreName[] | undefined;
  /** Largest number of modules to drop; default: 15, or all. */
  readonly upto?: number | undefined;
  /** Seed of the first random order; default: 0. */
  readonly seed?: number | undefined;
  /** Number of random orders; default: 3. */
  readonly seeds?: number | undefined;
  /** Numbers of drops; default: 0, 1, 2, 4, 8, 12, … up to `upto`. */
  readonly steps?: readonly number[] | undefined;
  /** Curves and orders to measure instead of those that `targets` and `by` name. */
  readonly curves?: readonly (CurveOption | DropOrder)[] | undefined;
}

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
