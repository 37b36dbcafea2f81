/** The lines of a fit: each a target ordered by a score, and the same with repairs. Their plans are nested. */
import type { RepairName } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import {
  type DropOrder,
  PAPER_SCORE,
  type Plan,
  type Profile,
  type RankName,
  type ScoreName,
  SCORES,
} from "../../result/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { StudyOptions } from "../base/options.ts";
import { type ConstraintOptions, constraintsOf } from "../orders/constraints.ts";
import { makePlan } from "../orders/make_plan.ts";
import type { OrderOptions } from "../orders/request.ts";
import { droppable, type RankTarget } from "../orders/rank.ts";
import { CONTEXT, type FitAim } from "./aims.ts";
import { savesOf } from "../orders/sizes.ts";
import { sizesOf } from "../../subject/mod.ts";

/** The lines that `fit` tries. */
export interface FitLines extends ConstraintOptions {
  /** The modules to drop; default: attention, MLPs, and both jointly. */
  readonly targets?: readonly RankTarget[] | undefined;
  /** The scores and searches that order them; default: importance. */
  readonly by?: readonly ScoreName[] | undefined;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | undefined;
}

/** The targets of a fit that names none. */
const TRIED: readonly RankTarget[] = ["attention", "mlp", "joint"];

/** A line before its order is known. */
export interface Planned {
  readonly target: RankTarget;
  readonly by: ScoreName;
  /** Options of the order, where a profile does not suffice. */
  readonly order: OrderOptions | null;
  readonly most: number;
}

/** A line. */
export interface Line extends Pick<Planned, "target" | "by" | "most"> {
  readonly repair: RepairName | null;
  planOf(dropped: number): Plan;
}

/** The lines that the options name, unrepaired. */
export function linesPlanned(
  spec: ModelSpec,
  options: FitLines,
  calibration: StudyOptions,
): Planned[] {
  const { targets = TRIED, by = [PAPER_SCORE], seed = 0 } = options;
  const constraints = constraintsOf(options);
  return targets.flatMap((target) =>
    by.map((score): Planned => {
      const most = droppable(spec, { target, ...constraints });
      // Neighbours are left out while an order is made, so that its length is the number of modules that may go.
      const ranks = SCORES[score].ranks === true && !constraints.noNeighbours;
      return {
        target,
        by: score,
        order: ranks || most === 0 ? null : { ...calibration, ...constraints, target, by: score, seed },
        most,
      };
    })
  ).filter(({ most }) => most > 0);
}

/** A line whose order, or the profile that ranks it, is there. */
export function lineOf(
  { spec }: StudyModel,
  { target, by, order, most }: Planned,
  source: Profile | DropOrder,
  options: FitLines & Pick<FitAim, "context">,
): Line {
  const { seed = 0, context = CONTEXT } = options;
  const { protectFirst, protectLast } = constraintsOf(options);
  const sizes = sizesOf(spec);
  return {
    target,
    by,
    repair: null,
    most: "order" in source && order ? source.order.length : most,
    planOf(dropped) {
      const plan = order ? makePlan(source as DropOrder, { drop: dropped }) : makePlan(source as Profile, {
        target,
        by: by as RankName,
        seed,
        drop: dropped,
        ...{ protectFirst, protectLast },
      });
      return { ...plan, saves: savesOf(plan, sizes, context) };
    },
  };
}
