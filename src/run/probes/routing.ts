/** What routers do, by layer and sample: the load of each expert and the entropy of the choice. */
import { type RoutingSums, sumRouting } from "../../measure/mod.ts";
import { type LayerSpec, routed } from "../../models/mod.ts";
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
    router: ({ logits }) => ({ "routing.logits": logits }),
    observeRouter({ layer, first, count, length, outputs, chosen }) {
      const mixture = routed(layers[layer].mlp);
      if (!mixture) return;
      const { experts, top } = mixture;
      const samples = sums[layer] ??= [];
      const logits = outputs["routing.logits"].data as Float32Array;
      for (let i = 0; i < count; i++) {
        const [from, to] = [i * length, (i + 1) * length];
        samples[first + i] = sumRouting(
          logits.subarray(from * experts, to * experts),
          chosen.subarray(from * top, to * top),
          experts,
        );
      }
    },
  };
}
