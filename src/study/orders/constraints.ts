/** Constraints on drops: protected layers at both ends, no neighbours. */
import { type Checks, flag, option, under, wholeNumber } from "../../entry/mod.ts";
import type { Constraints } from "../../result/mod.ts";
import type { Entry } from "../scores/candidates.ts";

/** Constraints on the modules to drop; default: none. */
export interface ConstraintOptions {
  /** Number of layers at the beginning that keep their modules. */
  readonly protectFirst?: number | undefined;
  /** Number of layers at the end that keep their modules. */
  readonly protectLast?: number | undefined;
  /** Whether to drop no two modules of a kind in adjacent layers. */
  readonly noNeighbours?: boolean | undefined;
}

/** Checks of these options. */
export const constraintChecks: Checks<ConstraintOptions> = under("Modules to keep:", {
  protectFirst: option(wholeNumber(0), "<n> drop nothing in the first n layers", 0),
  protectLast: option(wholeNumber(0), "<n> drop nothing in the last n layers", 0),
  noNeighbours: option(flag, "never drop the same kind of module in two adjacent layers"),
});

/** Checks of options that every study of orders has. */
export const orderingChecks = {
  ...under("Run:", { seed: option(wholeNumber(0), "<n> random seed", 0) }),
  unchecked: option(
    flag,
    "keep the order of the score alone, as the paper does; by default, the first modules are removed one by one, and those " +
      "that cost far more than the others go last",
  ),
};

/** The constraints among options; none by default. */
export function constraintsOf(
  { protectFirst = 0, protectLast = 0, noNeighbours = false }: ConstraintOptions,
): Constraints {
  return { protectFirst, protectLast, noNeighbours };
}

/** Whether anything is constrained. */
export function constrains({ protectFirst, protectLast, noNeighbours }: Constraints): boolean {
  return protectFirst + protectLast > 0 || noNeighbours;
}

/** Whether a candidate may be dropped from a model of `layers` layers beside those taken. */
export function fits(
  { module, layer, size }: Entry,
  taken: readonly Entry[],
  layers: number,
  { protectFirst, protectLast, noNeighbours }: Constraints,
): boolean {
  if (layer < protectFirst || layer + size > layers - protectLast) return false;
  return !noNeighbours ||
    taken.every((other) => other.module !== module || Math.abs(other.layer - layer) > 1);
}

/** The candidates of an order that may be dropped, each after those before it. */
export function constrained<E extends Entry>(
  order: readonly E[],
  layers: number,
  constraints: Constraints,
): E[] {
  const taken: E[] = [];
  for (const entry of order) if (fits(entry, taken, layers, constraints)) taken.push(entry);
  return taken;
}

/** The candidates that may be dropped next. */
export function openBeside<E extends Entry>(
  entries: readonly E[],
  taken: readonly Entry[],
  layers: number,
  constraints: Constraints,
): E[] {
  return entries.filter((entry) =>
    !taken.some(({ module, layer }) => module === entry.module && layer === entry.layer) &&
    fits(entry, taken, layers, constraints)
  );
}
