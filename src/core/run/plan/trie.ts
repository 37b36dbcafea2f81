/**
 * Plans as a trie: plans that agree up to layer l share the state that enters it, and a module runs once for all
 * plans that have it in the same variant and share its input.
 */
import { type DropPlan, type LayerModule, MODULES } from "../../measure/mod.ts";
import type { LayerSpec, Model } from "../../models/mod.ts";
import { embeddingKey, isRun, type Variant, variantModel, variantOf } from "./variants.ts";
import type { Engine } from "../../engine/mod.ts";
import type { NormalDraw } from "../../kernels/mod.ts";
import { type LayerParts, layerParts } from "../weights/parts.ts";

/** Plans that take the same path through one layer. */
export interface Branch {
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

/** The plans that share the stream that enters layer 0. */
export function entering(plans: readonly DropPlan[]): number[][] {
  return [...Map.groupBy(plans.keys(), (index) => embeddingKey(plans[index])).values()];
}

/** The branches of every layer in turn, by the states that enter it. */
export function* levels(layers: readonly LayerSpec[], plans: readonly DropPlan[]): Generator<Branch[][]> {
  let groups: readonly (readonly number[])[] = entering(plans);
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

/** A layer, ready to be fed: the parts of each module by the key of its variant. */
export interface LayerVariants extends Readonly<Record<LayerModule, ReadonlyMap<string, LayerParts>>> {
  release(): void;
}

/**
 * Reads layer l in every variant that some plan needs; a layer that no plan changes is read once for both modules. With
 * `wholeAttention` attention is in one part.
 */
export async function layerVariants(
  model: Model,
  engine: Engine,
  draw: NormalDraw,
  plans: readonly DropPlan[],
  l: number,
  wholeAttention: boolean,
): Promise<LayerVariants> {
  const ways = branches(plans, [...plans.keys()], model.spec.layers[l], l);
  const opened: LayerParts[] = [];
  const release = () => opened.forEach((parts) => parts.release());
  const open = async (model: Model) => {
    const parts = await layerParts(model, engine, draw, l, wholeAttention);
    opened.push(parts);
    return parts;
  };
  try {
    const full = MODULES.some((module) => variantsIn(ways, module).some(({ change }) => !change))
      ? await open(model)
      : null;
    const variants = async (module: LayerModule) => {
      const own = new Map<string, LayerParts>();
      for (const variant of variantsIn(ways, module)) {
        own.set(variant.key, variant.change ? await open(variantModel(model, l, module, variant)) : full!);
      }
      return own;
    };
    return { attention: await variants("attention"), mlp: await variants("mlp"), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Layers' weights by `read`, one layer of them ahead. */
export function readingAhead<Weights extends { release(): void }>(read: (l: number) => Promise<Weights>) {
  let ahead: { readonly l: number; readonly parts: Promise<Weights> } | null = null;

  /** Releases a layer that has been read and not taken. */
  async function forget(): Promise<void> {
    const parts = ahead?.parts.catch(() => null); // an error fails the layer that needs the weights
    ahead = null;
    (await parts)?.release();
  }

  return {
    /** Returns a layer's weights. The caller releases them. */
    async take(l: number): Promise<Weights> {
      if (ahead?.l !== l) {
        await forget();
        return await read(l);
      }
      const { parts } = ahead;
      ahead = null;
      return await parts;
    },
    /** Starts reading a layer once the running work has been handed to the engine. */
    readAhead(l: number): void {
      const parts = new Promise<void>((start) => setTimeout(start)).then(() => read(l));
      parts.catch(() => {}); // the taker gets the error
      ahead = { l, parts };
    },
    forget,
  };
}
