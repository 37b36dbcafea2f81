/**
 * What to drop: sets of attention and MLP layers, 0-based, in the model's original numbering. Plain data, in
 * ascending order: equal plans are equal as JSON.
 */
import type { LayerModule } from "../measure/mod.ts";
import type { ModelSpec } from "../models/mod.ts";

/** The modules to drop. A dropped block has its layer in both lists. */
export interface DropPlan {
  /** Layers whose attention is dropped, 0-based. */
  readonly attention: readonly number[];
  /** Layers whose MLP is dropped, 0-based. */
  readonly mlp: readonly number[];
}

/** The full model. */
export const noDrop: DropPlan = { attention: [], mlp: [] };

/** A plan in normal form. Throws `RangeError` for an index that is not a layer, is repeated, or is already absent. */
export function dropPlan(spec: ModelSpec, { attention = [], mlp = [] }: Partial<DropPlan>): DropPlan {
  return { attention: check(spec, "attention", attention), mlp: check(spec, "mlp", mlp) };
}

function check(spec: ModelSpec, module: LayerModule, indices: readonly number[]): number[] {
  const seen = new Set<number>();
  for (const index of indices) {
    const layer = spec.layers[index];
    if (!layer) {
      throw new RangeError(
        `Cannot drop ${module} ${index}: expected a layer from 0 to ${spec.layers.length - 1}`,
      );
    }
    if (!layer[module]) {
      throw new RangeError(
        `Cannot drop ${module} ${index}: the checkpoint already lacks it, expected a module that it has`,
      );
    }
    if (seen.has(index)) {
      throw new RangeError(`Cannot drop ${module} ${index}: it is listed twice, expected once`);
    }
    seen.add(index);
  }
  return [...seen].sort((a, b) => a - b);
}
