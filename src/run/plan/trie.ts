/**
 * Plans as a trie: plans that agree up to layer l share the state that enters it, and a module runs once for all
 * plans that have it in the same variant and share its input.
 */
import type { DropPlan, LayerModule } from "../../measure/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";
import { isRun, type Variant, variantOf } from "./variants.ts";

/** Plans that take the same path through one layer. */
export interface Branch {
  /** Indices of the plans. */
  readonly plans: readonly number[];
  readonly attention: Variant<"attention">;
  readonly mlp: Variant<"mlp">;
}

/** How the plans that share a state part at layer l. */
export function branches(
  plans: readonly DropPlan[],
  members: readonly number[],
  layer: LayerSpec,
  l: number,
): Branch[] {
  const ways = new Map<string, Branch & { plans: number[] }>();
  for (const index of members) {
    const attention = variantOf(plans[index], layer, l, "attention");
    const mlp = variantOf(plans[index], layer, l, "mlp");
    const key = `${attention.key} ${mlp.key}`;
    const way = ways.get(key);
    if (way) way.plans.push(index);
    else ways.set(key, { plans: [index], attention, mlp });
  }
  return [...ways.values()];
}

/** The variants of one module that some branches have, each once, without those that are nothing. */
export function variantsIn<Module extends LayerModule>(
  ways: readonly Branch[],
  module: Module,
): Branch[Module][] {
  const own = ways.map((way) => way[module]).filter(({ spec }) => spec !== null);
  return [...new Map(own.map((variant) => [variant.key, variant])).values()];
}

/** The branches of every layer in turn, by the states that enter it. */
export function* levels(layers: readonly LayerSpec[], plans: readonly DropPlan[]): Generator<Branch[][]> {
  let groups: readonly (readonly number[])[] = [plans.map((_, index) => index)];
  for (const [l, layer] of layers.entries()) {
    const ways = groups.map((members) => branches(plans, members, layer, l));
    yield ways;
    groups = ways.flat().map((way) => way.plans);
  }
}

/** The modules that run for the plans of one state: each variant of attention once, an MLP for each branch. */
export function modulesIn(ways: readonly Branch[]) {
  return {
    attention: variantsIn(ways, "attention").map(({ spec }) => spec).filter(isRun),
    mlp: ways.map(({ mlp }) => mlp.spec).filter(isRun),
  };
}

/** Modules that a run of these plans executes (for each sample): the nodes of the trie. */
export function countModules(layers: readonly LayerSpec[], plans: readonly DropPlan[]): number {
  return [...levels(layers, plans)].flat().reduce((sum, ways) => {
    const { attention, mlp } = modulesIn(ways);
    return sum + attention.length + mlp.length;
  }, 0);
}
