/** How far values by layer move between checkpoints, and how stable their ranking is. */
import { mean, spearman } from "./statistics.ts";

/** A number for each layer; null where there is none. */
type ByLayer = readonly (number | null)[];

/** Mean absolute change over the layers that both have; null where there is none. */
export function drift(before: ByLayer, after: ByLayer): number | null {
  const pairs = common(before, after);
  return pairs.length === 0 ? null : mean(pairs.map(([a, b]) => Math.abs(b - a)));
}

/** Spearman's correlation over the layers that both have; null if undefined: fewer than three, or all equal. */
export function rankStability(before: ByLayer, after: ByLayer): number | null {
  const pairs = common(before, after);
  const value = spearman(pairs.map(([a]) => a), pairs.map(([, b]) => b));
  return pairs.length > 2 && Number.isFinite(value) ? value : null;
}

function common(before: ByLayer, after: ByLayer): [number, number][] {
  return before.flatMap((a, l): [number, number][] => {
    const b = after[l] ?? null;
    return a === null || b === null ? [] : [[a, b]];
  });
}
