/** Options of `fit`, and its lines: each a target ordered by a score, and the same with repairs. Their plans are nested. */
import type { ModelSpec } from "core/models/mod.ts";
import {
  candidatesOf,
  checkOf,
  constraintChecks,
  type ConstraintOptions,
  constraintsOf,
  CONTEXT,
  type DropOrder,
  droppable,
  type Entry,
  isCheckable,
  keyOf,
  makePlan,
  type OrderCheck,
  orderingChecks,
  type OrderOptions,
  rankedOrder,
  type RankTarget,
  type Removals,
  savesOf,
  withLast,
} from "../orders/mod.ts";
import { limitsCost } from "./worth.ts";
import {
  ORDERS,
  PAPER_SCORE,
  type Plan,
  planData,
  type RankName,
  type ScoreName,
  SCORES,
  type Sizes,
  TYPE_ORDERS,
  type TypeOrder,
} from "core/result/mod.ts";
import type { Profile } from "../profile/mod.ts";
import { heldOutChecks, type RunOptions, type StudyOptions } from "core/study/options.ts";
import { aimChecks, aimOf, type FitAim } from "./aims.ts";
import { type TypeLine, typePlan } from "./types/lines.ts";
import { type Checks, flag, list, oneOf, option, under, wholeNumber } from "core/entry/mod.ts";
import { calibratedChecks, type CalibratedOptions } from "../sweep/mod.ts";
import type { Repairing } from "../repair/mod.ts";
import { KINDS, type LayerModule, MODULES, REPAIRS } from "core/measure/mod.ts";
import { type Format, FORMATS, type Sizer } from "core/formats/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";

/** The lines that `fit` tries. */
export interface FitLines extends ConstraintOptions {
  /**
   * The modules to drop, or types of blocks in their place; default: attention, MLPs and both jointly where that makes the file smaller, for a target of savings blocks too; else blocks; and types in GGUF files, but for a target of weights, keys or speed.
   */
  readonly targets?: readonly FitTarget[] | undefined;
  /** How steps of types are ordered; default: by the measured rise of each, and by two rules that measure nothing. */
  readonly typesBy?: readonly TypeOrder[] | undefined;
  /** The scores and searches that order them; default: importance. */
  readonly by?: readonly ScoreName[] | undefined;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | undefined;
  /** Whether orders are those of the scores alone; by default, modules whose removal alone costs far more than the others' go last. */
  readonly unchecked?: boolean | undefined;
  /** The format of the file that is to become smaller; default: gguf-deci where it holds the model, else gguf for a GGUF file, hf for a folder. */
  readonly format?: Format | undefined;
}

/** What a fit may change. */
export type FitTarget = RankTarget | "types";

/** Whether plans of types are tried: GGUF files hold them, and they save bytes alone. Throws `RangeError` where they are named and cannot be. */
export function triesTypes(sizer: Sizer | null, options: FitLines & FitAim): boolean {
  const [aim, format] = [aimOf(options), sizer?.format ?? "no format"];
  const saves = limitsCost(aim) || aim.of === "file";
  const isTried = format.startsWith("gguf") && saves;
  if (!options.targets) return isTried;
  if (!options.targets.includes("types") || isTried) return options.targets.includes("types");
  throw new RangeError(
    `Cannot fit types of blocks: found ${
      saves
        ? `${format}, expected a format of GGUF`
        : `${aim.of}, which they do not save, expected a limit or a file`
    }`,
  );
}

/** The targets of a fit that names none. */
const TRIED: readonly RankTarget[] = ["attention", "mlp", "joint"];

/** Whether the file of a plan lacks the modules that are dropped. */
function leaves(target: RankTarget, sizer: Sizer | null): boolean {
  return sizer !== null &&
    (target === "joint" ? MODULES : [target]).every((module) => sizer.leaving.includes(module));
}

/**
 * Targets whose modules leave the file. A saving must be reached at any cost, so blocks are tried too: they may be the cheapest way to drop much.
 * Where none does, a format that was named is an error; else the model that runs here is what gets smaller.
 */
function targetsIn(name: string, sizer: Sizer | null, options: FitLines & FitAim): readonly RankTarget[] {
  const { format } = options;
  const all: readonly RankTarget[] = limitsCost(aimOf(options)) ? TRIED : ["block", ...TRIED];
  const alone = all.filter((target) => leaves(target, sizer));
  if (alone.length > 0) return alone;
  if (leaves("block", sizer)) return ["block"];
  if (!format) return all;
  throw new RangeError(
    `Cannot fit ${name}: no module leaves a file in format ${format}, expected another format, or targets`,
  );
}

/** The refusal of a fit of which no plan makes the file smaller. */
export function unheld(
  { name }: Pick<StudyModel, "name">,
  lines: readonly Pick<Line, "target">[],
  format: string | undefined,
): RangeError {
  const targets = [...new Set(lines.map(({ target }) => target))].join(", ");
  return new RangeError(
    `Cannot fit ${name}: no plan of ${targets} makes a ${format} file smaller, expected other targets or another format`,
  );
}

/** A line before its order is known. */
interface Planned {
  readonly target: RankTarget;
  readonly by: ScoreName;
  /** Options of the order, where a profile does not suffice. */
  readonly order: OrderOptions | null;
  readonly most: number;
  /** Whether its modules leave the file, so that its plans have to make the file smaller. */
  readonly leaves: boolean;
}

export interface Line extends Pick<Planned, "most" | "leaves"> {
  readonly target: FitTarget;
  readonly by: ScoreName | TypeOrder;
  /** The way in which its plans are repaired; null for none. */
  readonly way: Repairing | null;
  /** The check of its order; undefined where none was made. */
  readonly check: OrderCheck | undefined;
  planOf(dropped: number): Plan;
  /** Makes the line whose order is what each level costs inside the plan of the first steps; absent where costs are not measured. */
  again?(dropped: number, options: RunOptions): Promise<Line>;
  /** Whether `again` made it. */
  readonly exchanged?: true;
  /** What modules save. */
  savesOf(modules: Pick<Plan, LayerModule>): NonNullable<Plan["saves"]>;
}

/** The lines that the options name, unrepaired. */
export function linesPlanned(
  { spec, name }: StudyModel,
  options: FitLines & FitAim,
  calibration: StudyOptions,
  sizer: Sizer | null,
): Planned[] {
  const { targets = targetsIn(name, sizer, options), by = [PAPER_SCORE], seed = 0, unchecked } = options;
  const constraints = constraintsOf(options);
  return targets.filter((target) => target !== "types").flatMap((target) =>
    by.map((score): Planned => {
      const most = droppable(spec, target, constraints);
      // Neighbours are left out while an order is made, so that its length is the number of modules that may go.
      const ranks = SCORES[score].ranks === true && !constraints.noNeighbours;
      return {
        target,
        by: score,
        order: ranks || most === 0
          ? null
          : { ...calibration, ...constraints, target, by: score, seed, unchecked },
        most,
        leaves: leaves(target, sizer),
      };
    })
  ).filter(({ most }) => most > 0);
}

/** The candidates of lines that a profile ranks and that are to be checked, each once. */
export function removedFor(spec: ModelSpec, lines: readonly Planned[], { unchecked }: FitLines): Entry[] {
  const checked = unchecked ? [] : lines.filter(({ by, target, order }) => !order && isCheckable(by, target));
  const all = checked.flatMap(({ target }) => candidatesOf(spec, target, 0));
  return [...new Map(all.map((entry) => [keyOf(entry), entry])).values()];
}

/** The order of a line that a profile ranks, and its check. */
function checkedOrder({ target, by }: Planned, ranked: DropOrder, removals: Removals | null): DropOrder {
  if (!removals || !isCheckable(by, target)) return ranked;
  const check = checkOf(removals, ranked.order, ranked.order.length);
  return { ...ranked, order: withLast(ranked.order, check.last), check };
}

/** A line whose order, or the profile that ranks it, is there; `removals` are those of `removedFor`, null where nothing is checked. */
export function lineOf(
  planned: Planned,
  source: Profile | DropOrder,
  removals: Removals | null,
  options: FitLines & Pick<FitAim, "context">,
): Line {
  const { context = CONTEXT } = options;
  const { target, by, order, most, leaves } = planned;
  const { protectFirst, protectLast } = constraintsOf(options);
  const { seed } = options;
  const ordered = source.kind === "order"
    ? source
    : checkedOrder(planned, rankedOrder(source, { target, by: by as RankName, seed }), removals);
  const saved = (modules: Pick<Plan, LayerModule>) => savesOf(modules, ordered.sizes, context);
  return {
    target,
    by,
    leaves,
    way: null,
    check: ordered.check,
    most: order ? ordered.order.length : most,
    planOf(dropped) {
      const plan = makePlan(ordered, { drop: dropped, ...order ? {} : { protectFirst, protectLast } });
      return { ...plan, saves: saved(plan) };
    },
    savesOf: saved,
  };
}

/** A line along types of blocks. */
export function lineOfTypes(model: StudyModel, own: TypeLine, sizes: Sizes, context: number = CONTEXT): Line {
  const saved = (modules: Pick<Plan, LayerModule>) => savesOf(modules, sizes, context);
  const { by, most } = own;
  return {
    ...{ target: "types", by, most, leaves: true, way: null, check: undefined, savesOf: saved },
    ...own.again && {
      async again(steps, options) {
        return { ...lineOfTypes(model, await own.again!(steps, options), sizes, context), exchanged: true };
      },
    },
    planOf(steps) {
      const drop = own.planOf(steps);
      return typePlan(model, by, drop, saved(planData(drop)));
    },
  };
}

/**
 * Options of `fit`: a promise, and what is tried to keep it. The loss is measured over `text` (default: 16 blocks of 512 tokens of
 * `wiki`): the first half of the samples chooses, the second confirms.
 */
export interface FitOptions extends StudyOptions, FitAim, FitLines, CalibratedOptions {
  /** What makes a plan the larger one: the weights that it saves (default), or the bytes of keys and values. */
  readonly saving?: "parameters" | "kv-bytes" | undefined;
  /** Whether to measure how fast the answer reads and writes; default: true. */
  readonly time?: boolean | undefined;
}

export const fitChecks: Checks<FitOptions> = {
  ...aimChecks,
  ...under("Search:", {
    targets: option(
      list(oneOf([...KINDS, "joint", "types"]), "targets", 1),
      "<kinds> modules to drop, or types of blocks (default: attention,mlp,joint where that makes the file smaller, for a target block too; else block; types in GGUF files)",
    ),
    typesBy: option(
      list(oneOf(TYPE_ORDERS), "orders of types", 1),
      "<orders> how steps of types are ordered (default: rise,rule,uniform)",
    ),
    by: option(list(oneOf(ORDERS), "scores", 1), "<orders> orders to try", PAPER_SCORE),
    repair: option(
      list(oneOf(REPAIRS), "repairs"),
      "<repairs> repairs to try where the bare drop breaks the promise",
    ),
    saving: option(
      oneOf(["parameters", "kv-bytes"]),
      "<what> compare plans by saved parameters or saved bytes of KV cache",
      "parameters",
    ),
    time: option(flag, "do not measure how fast the answer reads and writes", true),
    unchecked: orderingChecks.unchecked,
    format: option(
      oneOf(FORMATS),
      "<format> format of the file to make smaller (default: gguf-deci if it can hold the model, else gguf or hf, as the model is stored)",
    ),
  }),
  ...calibratedChecks,
  ...constraintChecks,
  ...heldOutChecks,
  ...under("Text:", {
    samples: option(wholeNumber(4), "<n> number of text blocks", 16), // two in each half are the fewest with an interval
  }),
};
