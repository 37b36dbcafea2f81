/**
 * Plans as a trie: plans that agree up to layer l share the state that enters it, and a module runs once for all
 * plans that keep it and share its input.
 */
import type { LayerSpec } from "../models/mod.ts";
import type { DropPlan } from "./plan.ts";

/** Plans that take the same path through one layer. */
export interface Branch {
  /** Indices of the plans. */
  readonly plans: readonly number[];
  /** Whether attention and MLP run. */
  readonly attention: boolean;
  readonly mlp: boolean;
}

/** How the plans that share a state part at layer l; at most four ways. */
export function branches(
  plans: readonly DropPlan[],
  members: readonly number[],
  layer: LayerSpec,
  l: number,
): Branch[] {
  const ways = new Map<string, { plans: number[]; attention: boolean; mlp: boolean }>();
  for (const index of members) {
    const attention = layer.attention !== null && !plans[index].attention.includes(l);
    const mlp = layer.mlp !== null && !plans[index].mlp.includes(l);
    const way = ways.get(`${attention} ${mlp}`);
    if (way) way.plans.push(index);
    else ways.set(`${attention} ${mlp}`, { plans: [index], attention, mlp });
  }
  return [...ways.values()];
}

/** Whether a plan keeps anything of layer l. */
export function runs(plans: readonly DropPlan[], layer: LayerSpec, l: number): boolean {
  return branches(plans, [...plans.keys()], layer, l).some(({ attention, mlp }) => attention || mlp);
}

/** Modules that a run of these plans executes (for each sample): the nodes of the trie. */
export function countModules(layers: readonly LayerSpec[], plans: readonly DropPlan[]): number {
  let groups: readonly (readonly number[])[] = [plans.map((_, index) => index)];
  let count = 0;
  layers.forEach((layer, l) => {
    const ways = groups.map((members) => branches(plans, members, layer, l));
    for (const group of ways) {
      count += Number(group.some((way) => way.attention)) + group.filter((way) => way.mlp).length;
    }
    groups = ways.flat().map((way) => way.plans);
  });
  return count;
}
