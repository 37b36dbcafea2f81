/** Which curves a sweep measures: those that a profile ranks, and those whose orders have to be made. */
import { type DropOrder, type Profile, type ScoreName, SCORES, type Target } from "../../result/mod.ts";
import type { StudyModel, TextOptions } from "../../subject/mod.ts";
import type { ConstraintOptions } from "../orders/constraints.ts";
import { droppable } from "../orders/rank.ts";
import type { OrderOptions } from "../orders/request.ts";
import type { StudyOptions } from "../base/options.ts";
import { type Curve, type CurveOption, seedsOf, SWEEP_STEPS, sweepSteps, SWEPT } from "./curves.ts";

/** Options of `sweep`. The quality is measured over `text`. */
export interface SweepOptions extends StudyOptions, ConstraintOptions {
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
  /** Text that the orders are computed from; default: 8 blocks of 512 tokens of `stories`. */
  readonly calibration?: Partial<TextOptions> | undefined;
  /** Numbers of drops; default: 0, 1, 2, 4, 8, 12, … up to `upto`. */
  readonly steps?: readonly number[] | undefined;
  /** A profile of the model; default: it is measured over the calibration text. */
  readonly profile?: Profile | undefined;
  /** Curves and orders to measure instead of those that `targets` and `by` name. */
  readonly curves?: readonly (CurveOption | DropOrder)[] | undefined;
}

/** What a sweep measures. */
export interface SweepParts {
  readonly steps: readonly number[];
  readonly calibration: Partial<TextOptions>;
  /** Curves that a profile ranks, and orders that are there. */
  readonly ranked: readonly (Curve | DropOrder)[];
  /** Orders that have to be made. */
  readonly orders: readonly OrderOptions[];
}

/** The parts of a sweep. Throws `RangeError` where more is to be dropped than the model has. */
export function partsOf({ spec, name }: StudyModel, options: SweepOptions): SweepParts {
  const { targets = ["attention"], by = SWEPT, upto, seed = 0, seeds = 3, bos } = options;
  const { protectFirst, protectLast, noNeighbours, curves } = options;
  const constraints = { protectFirst, protectLast, noNeighbours };
  const steps = options.steps ?? (upto === undefined ? SWEEP_STEPS : sweepSteps(upto));
  const calibration = { ...bos === undefined ? {} : { bos }, ...options.calibration };
  const named = (curves ?? []).map((curve) =>
    "kind" in curve ? curve : { ...curve, seed: curve.seed ?? null }
  );
  const parts = { steps, calibration, ranked: named, orders: [] };
  if (curves) return parts;
  const free = !protectFirst && !protectLast && !noNeighbours;
  const ranked: Curve[] = [];
  const orders: OrderOptions[] = [];
  for (const target of targets) {
    const most = droppable(spec, { target, ...constraints });
    if (upto !== undefined && upto > most) {
      throw new RangeError(
        `Cannot sweep ${target} of ${name}: upto is ${upto}, expected at most ${most}, the number that the model and the ` +
          "constraints allow",
      );
    }
    for (const score of by) {
      for (const own of seedsOf(score, seed, seeds)) {
        const curve = { target, by: score, seed: own };
        if (free && isRanked(curve)) ranked.push(curve);
        else {
          const last = Math.min(most, steps.at(-1)!) || 1;
          orders.push({ ...calibration, ...constraints, target, by: score, seed: own ?? 0, upto: last });
        }
      }
    }
  }
  return { ...parts, ranked, orders };
}

/** Whether a profile ranks a curve: by a score that it holds, and no windows. */
function isRanked(
  curve: { readonly target: Target; readonly by: ScoreName; readonly seed: number | null },
): curve is Curve {
  return curve.target !== "consecutive" && SCORES[curve.by].ranks === true;
}

/** The curve that stands for an order in the price: a random one of as many modules. */
export function standIn({ target, seed }: DropOrder | OrderOptions): Curve {
  return { target: target === "consecutive" ? "block" : target, by: "random", seed: seed ?? 0 };
}
