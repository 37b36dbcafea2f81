/** Two lists by layer as pairs, and their rank correlation. */
import { spearman } from "../../measure/mod.ts";

/** By layer [L]; null where the module is absent. */
type ByLayer = readonly (number | null)[];

/** The values of layers that both lists have. */
export function pairsOf(a: ByLayer, b: ByLayer): (readonly [number, number])[] {
  return a.flatMap((value, l) => {
    const other = b[l];
    return value === null || other === null ? [] : [[value, other] as const];
  });
}

/** Spearman's correlation of pairs; null where one side does not vary. */
export function rankCorrelation(pairs: readonly (readonly [number, number])[]): number | null {
  const rank = spearman(pairs.map(([value]) => value), pairs.map(([, other]) => other));
  return Number.isNaN(rank) ? null : rank;
}
