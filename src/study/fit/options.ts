/** Options of `fit`. */
import {
  type Checks,
  flag,
  list,
  oneOf,
  option,
  optionsOf,
  under,
  usually,
  wholeNumber,
} from "../../entry/mod.ts";
import { type RepairName, REPAIRS } from "../../measure/mod.ts";
import { ORDERS, PAPER_SCORE, type Profile } from "../../result/mod.ts";
import { textChecks, type TextOptions } from "../../subject/mod.ts";
import { HELD_OUT_TEXT, repairFitChecks, studyChecks, type StudyOptions } from "../base/options.ts";
import { aProfile } from "../base/plan.ts";
import { constraintChecks, orderingChecks } from "../orders/constraints.ts";
import { aTarget } from "../orders/rank.ts";
import { aimChecks, type FitAim } from "./aims.ts";
import { type FitLines, TRIED } from "./lines.ts";

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

/** Samples of 512 tokens that choose and confirm. */
export const FIT_SAMPLES = 16;

/** Checks of these options. */
export const fitChecks: Checks<FitOptions> = {
  ...aimChecks,
  ...under("Search:", {
    targets: option(
      list(aTarget, "targets", 1),
      `<kinds> modules to drop, from: ${aTarget.names!.join(", ")}`,
      TRIED,
    ),
    by: option(
      list(oneOf(ORDERS), "scores", 1),
      `<orders> orders to try, from: ${ORDERS.join(", ")}`,
      PAPER_SCORE,
    ),
    repair: option(
      list(oneOf(REPAIRS), "repairs"),
      `<repairs> repairs to try where the bare drop breaks the promise, from: ${REPAIRS.join(", ")}`,
    ),
    saving: option(oneOf(["parameters", "kv-bytes"]), "<what> what makes a plan larger", "parameters"),
    time: option(flag, "do not measure how fast the answer reads and writes", true),
    unchecked: orderingChecks.unchecked,
  }),
  calibration: optionsOf(textChecks),
  ...repairFitChecks,
  seed: orderingChecks.seed,
  ...constraintChecks,
  ...usually(studyChecks, { text: HELD_OUT_TEXT }),
  ...under("Text:", {
    samples: option(wholeNumber(4), "<n> number of text blocks", FIT_SAMPLES), // two in each half are the fewest with an interval
  }),
  profile: aProfile,
};
