/** The rule by which modules are dropped: the lowest score first, and of equal scores the deeper module. */
import type { ModuleKind } from "../kinds.ts";

/** A module, or a window of `size` blocks, with its score; without scores, depth alone decides. */
interface Placed {
  readonly layer: number;
  readonly size?: number;
  readonly score: number | null;
}

/** Compares two of them for `sort`. Windows are alternatives, so they stand by size first. */
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
