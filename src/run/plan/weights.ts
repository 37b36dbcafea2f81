/** The weights of one layer in every variant that some plan needs. */
import type { Engine } from "../../engine/mod.ts";
import type { NormalDraw } from "../../kernels/mod.ts";
import { type DropPlan, type LayerModule, MODULES } from "../../measure/mod.ts";
import type { Model } from "../../models/mod.ts";
import { type LayerParts, layerParts } from "../weights/parts.ts";
import { branches, variantsIn } from "./trie.ts";
import { variantModel } from "./variants.ts";

/** A layer, ready to be fed: the parts of each module by the key of its variant. */
export interface LayerVariants extends Readonly<Record<LayerModule, ReadonlyMap<string, LayerParts>>> {
  release(): void;
}

/** Reads layer l; a layer that no plan changes is read once for both modules. With `wholeAttention` attention is in one part. */
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
