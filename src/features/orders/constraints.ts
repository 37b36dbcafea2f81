/**
 * What a list of modules saves: weights, and keys and values in 16 bits.
 *
 * A layer whose window is shorter than the context keeps only the window's tokens, linear attention none.
 */
import { flag, type Of, option, sum, under, wholeNumber } from "core/entry/mod.ts";
import type { Constraints } from "./result.ts";
import type { Last, Plan, Sizes } from "core/result/mod.ts";
import type { Profile } from "../profile/mod.ts";
import type { Entry } from "./scores/score.ts";
import { outsizedLayers } from "core/measure/mod.ts";
import type { DropPlan } from "core/run/mod.ts";

/** The checks of `ConstraintOptions`, option by option. */
export const constraintChecks = {
  /** Number of layers at the beginning that keep their modules. */
  protectFirst: option(wholeNumber(0), "<n> drop nothing in the first n layers", 0),
  /** Number of layers at the end that keep their modules. */
  protectLast: option(wholeNumber(0), "<n> drop nothing in the last n layers", 0),
  /** Whether to drop no two modules of a kind in adjacent layers. */
  noNeighbours: option(flag, "never drop the same kind of module in two adjacent layers"),
};
under("Modules to keep:", constraintChecks);

/** Constraints on the modules to drop; default: none. */
export type ConstraintOptions = Of<typeof constraintChecks>;

/** Checks of options that every study of orders has. */
export const orderingChecks = {
  ...under("Run:", {
    /** Seed of a random order, of several the first; default: 0. */
    seed: option(wholeNumber(0), "<n> random seed", 0),
  }),
  /**
   * Whether the order is the score's alone. By default, the first candidates, twice as many as requested, are removed one by one on two
   * short samples, and those that cost far more than the others go last. Baselines, windows and scores that measure removals are not checked.
   */
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

/** Bytes of keys and values that a layer's attention keeps of one sequence of so many tokens. */
const kvBytesAt = ({ kvBytes, kvTokens }: Sizes, layer: number, tokens: number): number =>
  (kvBytes[layer] ?? 0) * Math.min(tokens, kvTokens[layer] ?? Infinity);

export function allKvBytes(sizes: Sizes, context: number): number {
  return sum([...sizes.kvBytes.keys()], (layer) => kvBytesAt(sizes, layer, context));
}

/** What a plan saves, also of keys and values in a sequence of `context` tokens. Shares of a model without attention are zero. */
export function savesOf(
  { attention, mlp }: DropPlan,
  sizes: Sizes,
  context: number,
): NonNullable<Plan["saves"]> {
  const parameters = sum(attention, (layer) => sizes.attention[layer] ?? 0) +
    sum(mlp, (layer) => sizes.mlp[layer] ?? 0);
  const dropped = (tokens: number) => sum(attention, (layer) => kvBytesAt(sizes, layer, tokens));
  const [kvBytesPerToken, bytes] = [dropped(1), dropped(context)];
  return {
    parameters,
    parametersShare: parameters / sizes.parameters,
    kvBytesPerToken,
    kvShare: kvBytesPerToken / (allKvBytes(sizes, 1) || 1),
    kv: { context, bytes, share: bytes / (allKvBytes(sizes, context) || 1) },
  };
}

/** What is left of savings where the files keep a part of them. */
export function lessSaved(all: NonNullable<Plan["saves"]>, kept: typeof all): typeof all {
  return {
    parameters: all.parameters - kept.parameters,
    parametersShare: all.parametersShare - kept.parametersShare,
    kvBytesPerToken: all.kvBytesPerToken - kept.kvBytesPerToken,
    kvShare: all.kvShare - kept.kvShare,
    kv: { ...all.kv, bytes: all.kv.bytes - kept.kv.bytes, share: all.kv.share - kept.kv.share },
  };
}
