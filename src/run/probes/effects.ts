/**
 * The effects probe: how far the updates of later layers move when an earlier module is dropped.
 *
 * Plan 0 is the reference. The executor runs its state first in every layer, so its updates are held for the length of
 * one layer while the other plans' are compared with them: ‖u − u₀‖² and ‖u₀‖² over all tokens of all samples.
 */
import type { Value } from "../../onnx/mod.ts";
import type { Observation, Probe } from "./probe.ts";

/** Two squared Frobenius norms. */
export interface EffectSums {
  /** Σ |u − u₀|² */
  difference: number;
  /** Σ |u₀|² */
  reference: number;
}

/** Sums of one layer's modules; a module that was not run under a plan has none. */
export type LayerEffects = Partial<Record<"attention" | "mlp", EffectSums>>;

/** A probe that compares plans 1 … `plans` − 1 with plan 0; read `plans[plan][layer]` after the run. */
export function effectsProbe(
  layers: number,
  plans: number,
): Probe & { readonly plans: LayerEffects[][] } {
  const sums = Array.from({ length: plans }, () => Array.from({ length: layers }, (): LayerEffects => ({})));
  /** Updates of plan 0 in the layer that is running, by kind and first sample. */
  const held = new Map<string, Float32Array>();
  return {
    plans: sums,
    update: ({ a, m }): Record<string, Value> => ({
      ...a ? { attentionUpdate: a } : {},
      ...m ? { mlpUpdate: m } : {},
    }),
    observeUpdate({ layer, plans, present, first, outputs }: Observation) {
      for (const kind of ["attention", "mlp"] as const) {
        if (!present[kind]) continue;
        const update = outputs[`${kind}Update`].data as Float32Array;
        const key = `${kind} ${first}`;
        if (plans.includes(0)) held.set(key, update.slice());
        const { difference, reference } = compare(update, held.get(key)!);
        for (const plan of plans) {
          const sum = sums[plan][layer][kind] ??= { difference: 0, reference: 0 };
          sum.difference += difference;
          sum.reference += reference;
        }
      }
    },
  };
}

function compare(update: Float32Array, full: Float32Array): EffectSums {
  let [difference, reference] = [0, 0];
  for (let i = 0; i < full.length; i++) {
    difference += (update[i] - full[i]) ** 2;
    reference += full[i] ** 2;
  }
  return { difference, reference };
}
