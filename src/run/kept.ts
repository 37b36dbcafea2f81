/** The layers that a plan leaves. */
import type { LayerSpec } from "../models/mod.ts";
import type { DropPlan } from "./plan.ts";

/** Layers as a plan leaves them, dropped modules as null. */
export function keptLayers(layers: readonly LayerSpec[], plan: DropPlan): LayerSpec[] {
  return layers.map((layer, l) => ({
    ...layer,
    attention: plan.attention.includes(l) ? null : layer.attention,
    mlp: plan.mlp.includes(l) ? null : layer.mlp,
  }));
}
