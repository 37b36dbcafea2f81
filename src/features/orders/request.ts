/** The request for an order: options with defaults filled in, and the passes that it takes. */
import { type Of, oneOf, option, required, wholeNumber } from "core/entry/mod.ts";
import type { DropOrder } from "./result.ts";
import { ORDERS, PAPER_SCORE, SCORES, TARGETS } from "core/result/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { studyChecks } from "core/study/options.ts";
import { scores } from "./scores/mod.ts";
import { constraintChecks, constraintsOf, orderingChecks } from "./constraints.ts";
import { isCheckable } from "./check.ts";
import { droppable } from "./rank.ts";

/** The checks of `OrderOptions`, option by option. */
export const orderChecks = {
  ...studyChecks,
  ...constraintChecks,
  /** The modules to order. */
  target: option(required(oneOf(TARGETS)), "<kind> what to drop"),
  /** Score or search that orders them; default: importance. */
  by: option(
    oneOf(ORDERS),
    "<order> score or search that ranks them; for blocks, importance is ShortGPT's block influence",
    PAPER_SCORE,
  ),
  /** Number of modules; default: all. For windows, number of blocks in the largest; default: half of the layers. */
  upto: option(
    wholeNumber(1),
    "<n> number to rank, or blocks in the largest window",
    "all; windows: half of the layers",
  ),
  ...orderingChecks,
};

/** Options of `order`. Scores and losses are measured over `text`. */
export type OrderOptions = Of<typeof orderChecks>;

/** The origin of an order, besides which text it is measured on. */
export type Request = Pick<DropOrder, "target" | "by" | "seed" | "upto" | "constraints"> & {
  /** Whether it is checked by removals. */
  readonly check: boolean;
};

/** Fills in defaults. Throws `RangeError` if the model has no such order. */
export function requestOf(
  { spec, name = "the model" }: Pick<StudyModel, "spec"> & { readonly name?: string },
  options: OrderOptions,
): Request {
  const { target, by = PAPER_SCORE, seed = 0 } = options;
  const constraints = constraintsOf(options);
  const { layers } = spec;
  const refuse = (found: string, expected: string) => {
    throw new RangeError(`Cannot order ${target} of ${name} by ${by}: ${found}, expected ${expected}`);
  };
  const windows = target === "consecutive";
  if (windows && scores[by].again) {
    refuse("windows of n blocks do not extend those of n − 1", "another order or target block");
  }
  if (windows && constraints.noNeighbours) {
    refuse("noNeighbours is true", "false, since the blocks are neighbours");
  }
  const bare = layers.findIndex(({ attention, mlp }) => !attention && !mlp);
  if (windows && bare >= 0) refuse(`layer ${bare} has neither attention nor MLP`, "a module in every layer");
  const most = droppable(spec, target, constraints);
  if (most === 0) refuse("no module can be dropped", "at least one");
  const { upto = windows ? Math.min(most, Math.ceil(layers.length / 2)) : most } = options;
  if (upto > most) {
    refuse(`upto is ${upto}`, `at most ${most}, the number that the model and the constraints allow`);
  }
  const check = !options.unchecked && isCheckable(by, target);
  return { target, by, seed: SCORES[by].seeded ? seed : null, upto, constraints, check };
}
