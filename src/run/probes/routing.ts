/** What routers do, by layer and sample: the load of each expert and the entropy of the choice. */
import { type RoutingSums, sumRouting } from "../../measure/mod.ts";
import { isMixture, type LayerSpec } from "../../models/mod.ts";
import { Cast } from "../../onnx/mod.ts";
import type { Probe } from "./probe.ts";

/** A probe of what plan number `plan` shows; read `sums` after the run, null for a layer whose mixture was not run. */
export function routingProbe(
  layers: readonly LayerSpec[],
  plan = 0,
): Probe & { readonly sums: (RoutingSums[] | null)[] } {
  const sums: (RoutingSums[] | null)[] = layers.map(() => null);
  return {
    sums,
    only: [plan],
    router: ({ logits, experts }) => ({ "routing.logits": logits, "routing.experts": Cast(experts, "f32") }),
    observeRouter({ layer, first, count, outputs }) {
      const { mlp } = layers[layer];
      if (!isMixture(mlp)) return;
      const samples = sums[layer] ??= [];
      for (let i = 0; i < count; i++) {
        const part = (name: string) => {
          const data = outputs[`routing.${name}`].data as Float32Array;
          return data.subarray(i * data.length / count, (i + 1) * data.length / count);
        };
        samples[first + i] = sumRouting(part("logits"), part("experts"), mlp.experts);
      }
    },
  };
}
