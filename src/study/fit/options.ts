/** Options of `fit`. */
import { type Checks, flag, list, oneOf, optionsOf, wholeNumber } from "../../entry/mod.ts";
import { type RepairName, REPAIRS } from "../../measure/mod.ts";
import { ORDERS, type Profile } from "../../result/mod.ts";
import { textChecks, type TextOptions } from "../../subject/mod.ts";
import { repairFitChecks, studyChecks, type StudyOptions } from "../base/options.ts";
import { aProfile } from "../base/plan.ts";
import { constraintChecks } from "../orders/constraints.ts";
import { aTarget } from "../orders/rank.ts";
import { aimChecks, type FitAim } from "./aims.ts";
import type { FitLines } from "./lines.ts";

/**
 * Options of `fit`: a promise, and what is tried to keep it. The loss is measured over `text` (default: 16 blocks of 512 tokens of
 * `wiki`): the first half of the samples chooses, the second confirms.
 */
export interface FitOptions extends StudyOptions, FitAim, FitLines {
  /** Repairs of the dropped modules that are tried where the bare drop breaks the promise; default: none. */
  readonly repair?: readonly RepairName[] | undefined;
  /** Whether repairs are fitted on the stream of the model as repaired so far, plan by plan; default: false. */
  readonly sequential?: boolean | undefined;
  /** Samples of the calibration text that repairs are fitted on; default: 24. */
  readonly repairSamples?: number | undefined;
  /** What makes a plan the larger one: the weights that it saves (default), or the bytes of keys and values. */
  readonly saving?: "parameters" | "kv-bytes" | undefined;
  /** Text that orders and repairs are computed from; default: 8 blocks of 512 tokens of `stories`. */
  readonly calibration?: Partial<TextOptions> | undefined;
  /** A profile of the model; default: it is measured over the calibration text. */
  readonly profile?: Profile | undefined;
  /** Whether to measure how fast the answer reads and writes; default: true. */
  readonly time?: boolean | undefined;
}

/** Checks of these options. */
export const fitChecks: Checks<FitOptions> = {
  ...studyChecks,
  ...constraintChecks,
  ...aimChecks,
  samples: wholeNumber(4), // two in each half are the fewest with an interval
  targets: list(aTarget, "targets", 1),
  by: list(oneOf(ORDERS), "scores", 1),
  seed: wholeNumber(0),
  unchecked: flag,
  repair: list(oneOf(REPAIRS), "repairs"),
  ...repairFitChecks,
  saving: oneOf(["parameters", "kv-bytes"]),
  calibration: optionsOf(textChecks),
  profile: aProfile,
  time: flag,
};
