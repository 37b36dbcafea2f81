/** The stream probe: hands over the residual stream that leaves each layer, a sample after the other, and the updates that made it. */
import type { LayerModule } from "../../measure/mod.ts";
import type { Value } from "../../onnx/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";

/** The updates of a layer [T, D]; a module that was not run has none. */
type LayerUpdates = Partial<Record<LayerModule, Float32Array>>;

/** Calls `see` with the states [T, D] of plan number `plan`, and the updates of `modules`; they are valid during the call only. */
export function streamProbe(
  see: (layer: number, sample: number, states: Float32Array, updates: LayerUpdates) => void,
  plan = 0,
  modules: readonly LayerModule[] = [],
): Probe {
  return {
    only: [plan],
    update: ({ y, a, m }): Record<string, Value> => {
      const taps = { attention: a, mlp: m };
      const updates = modules.flatMap((kind) => taps[kind] ? [[`stream.${kind}`, taps[kind]]] : []);
      return { stream: y, ...Object.fromEntries(updates) };
    },
    observeUpdate(seen) {
      const updates = modules.filter((kind) => seen.present[kind])
        .map((kind) => [kind, samplesIn(seen, `stream.${kind}`)] as const);
      samplesIn(seen, "stream").forEach((states, i) =>
        see(
          seen.layer,
          seen.first + i,
          states,
          Object.fromEntries(updates.map(([kind, samples]) => [kind, samples[i]])),
        )
      );
    },
  };
}
