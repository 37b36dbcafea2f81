/** Two lists held side by side: values by layer as pairs, their rank correlation, how far two orders overlap; and the order of drops. */
import { mean, spearman } from "./statistics.ts";
import { rankInterval } from "./verdict.ts";
import type { ModuleKind } from "../kinds.ts";

type ByLayer = readonly (number | null)[];

/** The values of layers that both lists have. */
export function pairsOf(a: ByLayer, b: ByLayer): (readonly [number, number])[] {
  return a.flatMap((value, l) => {
    const other = b[l] ?? null;
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

/** A module, or a window of `size` blocks, with its score; without scores, depth alone decides. */
type Placed = { readonly layer: number; readonly size?: number; readonly score: number | null };

/** Compares two of them for `sort`: the lowest score is dropped first, of equal scores the deeper module. Windows are alternatives: by size first. */
export function inDropOrder(a: Placed, b: Placed): number {
  return (a.size ?? 1) - (b.size ?? 1) || a.score! - b.score! || b.layer - a.layer;
}

/** Modules of the kinds in drop order; `valuesOf` gives the scores of a kind by layer [L], null where there is no module. */
export function rankModules<K extends ModuleKind>(
  kinds: readonly K[],
  valuesOf: (kind: K) => readonly (number | null)[],
): { module: K; layer: number; score: number }[] {
  return kinds.flatMap((module) =>
    valuesOf(module).flatMap((score, layer) => score === null ? [] : [{ module, layer, score }])
  ).sort(inDropOrder);
}

/** Mean absolute change over the layers that both have; null where there is none. */
export function drift(before: ByLayer, after: ByLayer): number | null {
  const pairs = pairsOf(before, after);
  return pairs.length === 0 ? null : mean(pairs.map(([a, b]) => Math.abs(b - a)));
}

/** Spearman's correlation over the layers that both have; null if undefined: fewer than three, or all equal. */
export function rankStability(before: ByLayer, after: ByLayer): number | null {
  const pairs = pairsOf(before, after);
  return pairs.length > 2 ? rankCorrelation(pairs) : null;
}
