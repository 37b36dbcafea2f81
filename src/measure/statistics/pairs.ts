/** Two lists held side by side: values by layer as pairs, their rank correlation, and how far two orders overlap. */
import { spearman } from "./statistics.ts";
import { rankInterval } from "./verdict.ts";

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

/** That of two lists with its 95 % interval, and the number of layers that both have. */
export function rankAgreement(a: ByLayer, b: ByLayer) {
  const pairs = pairsOf(a, b);
  const rank = rankCorrelation(pairs);
  const [low, high] = rankInterval(rank ?? NaN, pairs.length) ?? [null, null];
  return { rank, low, high, count: pairs.length };
}

/** For each n up to `count`, the share of the first n entries that two orders have in common. */
export function overlapOf(a: readonly number[], b: readonly number[], count = b.length): number[] {
  return Array.from({ length: count }, (_, i) => {
    const first = new Set(a.slice(0, i + 1));
    return b.slice(0, i + 1).filter((layer) => first.has(layer)).length / (i + 1);
  });
}
