/** The lines of a fit: each a target ordered by a score, and the same with repairs. Their plans are nested. */
import type { RepairName } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import {
  type DropOrder,
  head,
  type OrderCheck,
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
import { checkOf, isCheckable, type Removals } from "../orders/check.ts";
import { withLast } from "../orders/last.ts";
import { CONTEXT, makePlan } from "../orders/make_plan.ts";
import type { OrderOptions } from "../orders/request.ts";
import { droppable, rank, type RankTarget } from "../orders/rank.ts";
import type { FitAim } from "./aims.ts";
import { savesOf } from "../orders/sizes.ts";
import { candidatesOf, type Entry } from "../scores/candidates.ts";
import { sizesOf } from "../../subject/mod.ts";

/** The lines that `fit` tries. */
export interface FitLines extends ConstraintOptions {
  /** The modules to drop; default: attention, MLPs, and both jointly. */
  readonly targets?: readonly RankTarget[] | undefined;
  /** The scores and searches that order them; default: importance. */
  readonly by?: readonly ScoreName[] | undefined;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | undefined;
  /** Whether orders are those of the scores alone; by default, modules whose removal alone costs far more than the others' go last. */
  readonly unchecked?: boolean | undefined;
}

/** The targets of a fit that names none. */
export const TRIED: readonly RankTarget[] = ["attention", "mlp", "joint"];

/** A line before its order is known. */
interface Planned {
  readonly target: RankTarget;
  readonly by: ScoreName;
  /** Options of the order, where a profile does not suffice. */
  readonly order: OrderOptions | null;
  readonly most: number;
}

/** A line. */
export interface Line extends Pick<Planned, "target" | "by" | "most"> {
  readonly repair: RepairName | null;
  /** The check of its order; undefined where none was made. */
  readonly check: OrderCheck | undefined;
  planOf(dropped: number): Plan;
}

/** The lines that the options name, unrepaired. */
export function linesPlanned(
  spec: ModelSpec,
  options: FitLines,
  calibration: StudyOptions,
): Planned[] {
  const { targets = TRIED, by = [PAPER_SCORE], seed = 0, unchecked } = options;
  const constraints = constraintsOf(options);
  return targets.flatMap((target) =>
    by.map((score): Planned => {
      const most = droppable(spec, { target, ...constraints });
      // Neighbours are left out while an order is made, so that its length is the number of modules that may go.
      const ranks = SCORES[score].ranks === true && !constraints.noNeighbours;
      return {
        target,
        by: score,
        order: ranks || most === 0
          ? null
          : { ...calibration, ...constraints, target, by: score, seed, unchecked },
        most,
      };
    })
  ).filter(({ most }) => most > 0);
}

/** The candidates of lines that a profile ranks and that are to be checked, each once. */
export function removedFor(spec: ModelSpec, lines: readonly Planned[], { unchecked }: FitLines): Entry[] {
  const checked = unchecked ? [] : lines.filter(({ by, target, order }) => !order && isCheckable(by, target));
  const all = checked.flatMap(({ target }) => candidatesOf(spec, target, 0));
  return [...new Map(all.map((entry) => [`${entry.module} ${entry.layer}`, entry])).values()];
}

/** The order of a line that a profile ranks, and its check. */
function rankedOrder(
  { spec }: StudyModel,
  { target, by }: Planned,
  profile: Profile,
  removals: Removals | null,
  { seed = 0 }: FitLines,
): DropOrder {
  const all = rank(profile, { target, by: by as RankName, seed }).map((entry) => ({ ...entry, size: 1 }));
  const check = removals && isCheckable(by, target) ? checkOf(removals, all, all.length) : undefined;
  return {
    ...head("order"),
    provenance: profile.provenance,
    target,
    by,
    seed: SCORES[by].seeded ? seed : null,
    upto: all.length,
    constraints: constraintsOf({}),
    nll: null,
    order: withLast(all, check?.last ?? []),
    sizes: sizesOf(spec),
    ...check ? { check } : {},
  };
}

/** A line whose order, or the profile that ranks it, is there; `removals` are those of `removedFor`, null where nothing is checked. */
export function lineOf(
  model: StudyModel,
  planned: Planned,
  source: Profile | DropOrder,
  removals: Removals | null,
  options: FitLines & Pick<FitAim, "context">,
): Line {
  const { context = CONTEXT } = options;
  const { target, by, order, most } = planned;
  const { protectFirst, protectLast } = constraintsOf(options);
  const ordered = order
    ? source as DropOrder
    : rankedOrder(model, planned, source as Profile, removals, options);
  return {
    target,
    by,
    repair: null,
    check: ordered.check,
    most: order ? ordered.order.length : most,
    planOf(dropped) {
      const plan = makePlan(ordered, { drop: dropped, ...order ? {} : { protectFirst, protectLast } });
      return { ...plan, saves: savesOf(plan, ordered.sizes, context) };
    },
  };
}
