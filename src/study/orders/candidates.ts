/** What can be dropped of a model: modules, or windows of consecutive blocks. */
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import type { DropOrder, Plan } from "../../result/mod.ts";
import { type DropPlan, dropPlan } from "../../run/mod.ts";
import type { Entry } from "./constraints.ts";

/** An entry of an order. */
export type Scored = DropOrder["order"][number];

/** Everything of a target; windows of up to `upto` blocks. */
export function candidatesOf({ layers }: ModelSpec, target: Plan["target"], upto: number): Entry[] {
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
      const there = module === "block" ? layer.attention || layer.mlp : layer[module];
      return there ? [{ module, layer: l, size: 1 }] : [];
    })
  );
}

/** The modules of entries, in their order: layers of attention and of MLPs that the model has. */
export function modulesOf(
  entries: readonly Entry[],
  has: (kind: LayerModule, layer: number) => boolean,
): { attention: number[]; mlp: number[] } {
  const layers = (kind: LayerModule) =>
    entries.flatMap(({ module, layer, size }) =>
      module === kind
        ? [layer]
        : module === "block"
        ? Array.from({ length: size }, (_, i) => layer + i).filter((l) => has(kind, l))
        : []
    );
  return { attention: layers("attention"), mlp: layers("mlp") };
}

/** What is dropped with entries. */
export function dropOfEntries(spec: ModelSpec, entries: readonly Entry[]): DropPlan {
  return dropPlan(spec, modulesOf(entries, (kind, layer) => spec.layers[layer][kind] !== null));
}

/** Windows by size; then the lowest score first, of equals the deeper. */
export function inOrder(a: Scored, b: Scored): number {
  return a.size - b.size || a.score! - b.score! || b.layer - a.layer;
}
