/**
 * The effects probe: how far the updates of later layers move when an earlier module is dropped.
 *
 * Plan 0 is the reference. The executor runs its state first in every layer, so its updates are held for the length of
 * one layer while the other plans' are compared with them: ‖u − u₀‖² and ‖u₀‖² over the tokens of each sample.
 */
import { type LayerModule, MODULES } from "../../measure/mod.ts";
import type { Value } from "../../onnx/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";

/** Two squared Frobenius norms. */
interface EffectSums {
  /** Σ |u − u₀|² */
  difference: number;
  /** Σ |u₀|² */
  reference: number;
}

/** Sums of one layer's modules by sample; a module that was not run under a plan has none. */
type LayerEffects = Partial<Record<LayerModule, EffectSums[]>>;

/** A probe that compares plans 1 … `plans` − 1 with plan 0; read `plans[plan][layer]` after the run. */
export function effectsProbe(
  layers: number,
  plans: number,
): Probe & { readonly plans: LayerEffects[][] } {
  const seen = Array.from({ length: plans }, () => Array.from({ length: layers }, (): LayerEffects => ({})));
  /** Updates of plan 0 in the layer that is running, by kind and first sample. */
  const held = new Map<string, Float32Array[]>();
  return {
    plans: seen,
    update: ({ a, m }): Record<string, Value> => ({
      ...a ? { attentionUpdate: a } : {},
      ...m ? { mlpUpdate: m } : {},
    }),
    observeUpdate(run) {
      const { layer, plans, present, first } = run;
      for (const kind of MODULES.filter((kind) => present[kind])) {
        const updates = samplesIn(run, `${kind}Update`);
        const key = `${kind} ${first}`;
        if (plans.includes(0)) held.set(key, updates.map((update) => update.slice()));
        updates.forEach((update, i) => {
          const sums = compare(update, held.get(key)![i]);
          for (const plan of plans) (seen[plan][layer][kind] ??= [])[first + i] = sums;
        });
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
