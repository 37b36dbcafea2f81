/** What must not be dropped: layers at both ends, neighbours of what is dropped. */
import { type Checks, flag, wholeNumber } from "../../entry/mod.ts";
import type { Constraints, DropOrder } from "../../result/mod.ts";

/** Constraints on the modules to drop; default: none. */
export interface ConstraintOptions {
  /** Number of layers at the beginning that keep their modules. */
  readonly protectFirst?: number | undefined;
  /** Number of layers at the end that keep their modules. */
  readonly protectLast?: number | undefined;
  /** Whether to drop no two modules of a kind in adjacent layers. */
  readonly noNeighbours?: boolean | undefined;
}

/** Checks of them, as options. */
export const constraintChecks: Checks<ConstraintOptions> = {
  protectFirst: wholeNumber(0),
  protectLast: wholeNumber(0),
  noNeighbours: flag,
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

/** A module, or a window of blocks. */
export type Entry = Pick<DropOrder["order"][number], "module" | "layer" | "size">;

/** Whether an entry may be dropped of a model of `layers` layers where others are. */
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

/** The entries of an order that may be dropped, each after those before it. */
export function constrained<E extends Entry>(
  order: readonly E[],
  layers: number,
  constraints: Constraints,
): E[] {
  const taken: E[] = [];
  for (const entry of order) if (fits(entry, taken, layers, constraints)) taken.push(entry);
  return taken;
}
