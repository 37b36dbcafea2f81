/** Limits of drops: protected layers at both ends, no neighbours, and modules that go last. */
import { type Checks, flag, option, under, wholeNumber } from "../../entry/mod.ts";
import type { Constraints, Last, Profile } from "../../result/mod.ts";
import type { Entry } from "../scores/score.ts";
import { outsizedLayers } from "../../measure/mod.ts";

/** Constraints on the modules to drop; default: none. */
export interface ConstraintOptions {
  /** Number of layers at the beginning that keep their modules. */
  readonly protectFirst?: number | undefined;
  /** Number of layers at the end that keep their modules. */
  readonly protectLast?: number | undefined;
  /** Whether to drop no two modules of a kind in adjacent layers. */
  readonly noNeighbours?: boolean | undefined;
}

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

export function constraintsOf(
  { protectFirst = 0, protectLast = 0, noNeighbours = false }: ConstraintOptions,
): Constraints {
  return { protectFirst, protectLast, noNeighbours };
}

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
export function constrained<E extends Entry>(order: readonly E[], layers: number, constraints: Constraints) {
  const taken: E[] = [];
  for (const entry of order) if (fits(entry, taken, layers, constraints)) taken.push(entry);
  return taken;
}

export function openBeside<E extends Entry>(
  entries: readonly E[],
  taken: readonly Entry[],
  layers: number,
  constraints: Constraints,
): E[] {
  return entries.filter((entry) => !isAmong(entry, taken) && fits(entry, taken, layers, constraints));
}

/** The outsized modules of a profile among some entries, the smallest update first. */
export function outsizedAmong(profile: Profile, entries: readonly Entry[]): Last[] {
  return entries.flatMap(({ module, layer }): Last[] => {
    const { largestRelativeMagnitude } = profile[module];
    if (!outsizedLayers(largestRelativeMagnitude).includes(layer)) return [];
    return [{ module, layer, rise: null, largestRelativeMagnitude: largestRelativeMagnitude[layer] }];
  }).sort((a, b) => a.largestRelativeMagnitude! - b.largestRelativeMagnitude!);
}

type Place = Pick<Entry, "module" | "layer">;

const placeIn = (places: readonly Place[], { module, layer }: Place) =>
  places.findIndex((other) => other.module === module && other.layer === layer);

export const isAmong = (entry: Place, places: readonly Place[]): boolean => placeIn(places, entry) >= 0;

/** An order with some of its entries at its end, in the order in which they are named. */
export function withLast<E extends Place>(order: readonly E[], last: readonly Place[]): E[] {
  const behind = order.filter((entry) => isAmong(entry, last))
    .sort((a, b) => placeIn(last, a) - placeIn(last, b));
  return [...order.filter((entry) => !isAmong(entry, last)), ...behind];
}
