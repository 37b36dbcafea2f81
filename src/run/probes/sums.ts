/**
 * Probes that sum up what they see by layer and sample: the lengths of updates, how far those of later layers move when an earlier
 * module is dropped, and the choices of routers.
 */
import { type LayerModule, MODULES, type RoutingSums, sumRouting } from "../../measure/mod.ts";
import { ReduceSumSquare, type Value } from "../../onnx/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";
import { type LayerSpec, routed } from "../../models/mod.ts";

/** Sums over the tokens of a sample. */
interface NormSums {
  tokens: number;
  /** Σ |u| */
  norm: number;
  /** Σ |u|² */
  square: number;
}

/** Sums of one layer's modules by sample; a module that was not run has none. */
type LayerNorms = Partial<Record<LayerModule, NormSums[]>>;

/** A probe of what plan number `plan` adds to the stream; read `layers[layer]` after the run. */
export function normsProbe(layers: number, plan = 0): Probe & { readonly layers: LayerNorms[] } {
  const sums = Array.from({ length: layers }, (): LayerNorms => ({}));
  return {
    layers: sums,
    only: [plan],
    update: ({ a, m }): Record<string, Value> => ({
      ...a ? { "norms.attention": ReduceSumSquare(a) } : {},
      ...m ? { "norms.mlp": ReduceSumSquare(m) } : {},
    }),
    observeUpdate(seen) {
      for (const kind of MODULES.filter((kind) => seen.present[kind])) {
        const samples = sums[seen.layer][kind] ??= [];
        samplesIn(seen, `norms.${kind}`).forEach((own, i) => samples[seen.first + i] = sumsOf(own));
      }
    },
  };
}

function sumsOf(squares: Float32Array): NormSums {
  const sum = { tokens: squares.length, norm: 0, square: 0 };
  for (const square of squares) {
    sum.norm += Math.sqrt(square);
    sum.square += square;
  }
  return sum;
}

/** Two squared Frobenius norms. */
interface EffectSums {
  /** Σ |u − u₀|² */
  difference: number;
  /** Σ |u₀|² */
  reference: number;
}

/** Sums of one layer's modules by sample; a module that was not run under a plan has none. */
type LayerEffects = Partial<Record<LayerModule, EffectSums[]>>;

/**
 * A probe that compares plans 1 … `plans` − 1 with plan 0, ‖u − u₀‖² and ‖u₀‖² over the tokens of each sample; read
 * `plans[plan][layer]` after the run. The executor runs the state of plan 0 first in every layer, so its updates are held for the
 * length of one layer.
 */
export function effectsProbe(layers: number, plans: number): Probe & { readonly plans: LayerEffects[][] } {
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

/** A probe of what plan number `plan` shows; read `sums` after the run, null for a layer whose mixture was not run. */
export function routingProbe(
  layers: readonly LayerSpec[],
  plan = 0,
): Probe & { readonly sums: (RoutingSums[] | null)[] } {
  const sums: (RoutingSums[] | null)[] = layers.map(() => null);
  return {
    sums,
    only: [plan],
    router: ({ logits }) => ({ "routing.logits": logits }),
    observeRouter(seen) {
      const { layer, first, length, chosen } = seen;
      const mixture = routed(layers[layer].mlp);
      if (!mixture) return;
      const { experts, top } = mixture;
      const samples = sums[layer] ??= [];
      const choices = length * top;
      samplesIn(seen, "routing.logits").forEach((logits, i) =>
        samples[first + i] = sumRouting(logits, chosen.subarray(i * choices, (i + 1) * choices), experts)
      );
    },
  };
}
