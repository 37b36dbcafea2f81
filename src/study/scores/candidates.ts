/** What can be dropped of a model: modules, or windows of consecutive blocks. */
import { inDropOrder, type LayerModule, MODULES } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import type { DropOrder, Target } from "../../result/mod.ts";
import { type DropPlan, dropPlan } from "../../run/mod.ts";

/** A candidate in an order, with its score. */
export type Scored = DropOrder["order"][number];
/** A candidate: a module, or a window of blocks. */
export type Entry = Pick<Scored, "module" | "layer" | "size">;

/** All candidates of a target; windows have up to `upto` blocks. */
export function candidatesOf({ layers }: ModelSpec, target: Target, upto: number): Entry[] {
  if (target === "consecutive") {
    return Array.from({ length: upto }, (_, n) =>
      Array.from(
        { length: layers.length - n },
        (_, layer): Entry => ({ module: "block", layer, size: n + 1 }),
      )).flat();
  }
  const kinds = target === "joint" ? MODULES : [target];
  return kinds.flatMap((module) =>
    layers.flatMap((layer, l): Entry[] => {
      const present = module === "block" ? layer.attention || layer.mlp : layer[module];
      return present ? [{ module, layer: l, size: 1 }] : [];
    })
  );
}

/** Modules, and windows of blocks. */
type Entries = readonly (Omit<Entry, "size"> & Partial<Entry>)[];

/** The layers of attention and of MLPs that candidates consist of, in the candidates' order; `has` says which exist. */
export function modulesOf(
  entries: Entries,
  has: (kind: LayerModule, layer: number) => boolean,
): { attention: number[]; mlp: number[] } {
  const layers = (kind: LayerModule) =>
    entries.flatMap(({ module, layer, size = 1 }) =>
      module === kind
        ? [layer]
        : module === "block"
        ? Array.from({ length: size }, (_, i) => layer + i).filter((l) => has(kind, l))
        : []
    );
  return { attention: layers("attention"), mlp: layers("mlp") };
}

/** The plan that drops candidates. */
export function dropOfEntries(spec: ModelSpec, entries: Entries): DropPlan {
  return dropPlan(spec, modulesOf(entries, (kind, layer) => spec.layers[layer][kind] !== null));
}

/** Candidates in drop order by their scores; the numbers of a baseline order them, but are not shown. */
export function ranked(
  entries: readonly Entry[],
  scores: readonly (number | null)[],
  { baseline = false }: { readonly baseline?: boolean },
): Scored[] {
  return entries.map((entry, i): Scored => ({ ...entry, score: scores[i] })).sort(inDropOrder)
    .map((entry) => baseline ? { ...entry, score: null } : entry);
}
