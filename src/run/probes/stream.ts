/** The stream probe: hands over the residual stream that leaves each layer, a sample after the other. */
import type { Observation, Probe } from "./probe.ts";

/** Calls `see` with the states [T, D] of plan number `plan`; they are valid during the call only. */
export function streamProbe(
  see: (layer: number, sample: number, states: Float32Array) => void,
  plan = 0,
): Probe {
  return {
    only: [plan],
    update: ({ y }) => ({ stream: y }),
    observeUpdate({ layer, first, count, outputs }: Observation) {
      const states = outputs.stream.data as Float32Array;
      const size = states.length / count;
      for (let i = 0; i < count; i++) see(layer, first + i, states.subarray(i * size, (i + 1) * size));
    },
  };
}
