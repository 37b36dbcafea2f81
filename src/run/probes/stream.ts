/** The stream probe: hands over the residual stream that leaves each layer, a sample after the other. */
import { type Probe, samplesIn } from "./probe.ts";

/** Calls `see` with the states [T, D] of plan number `plan`; they are valid during the call only. */
export function streamProbe(
  see: (layer: number, sample: number, states: Float32Array) => void,
  plan = 0,
): Probe {
  return {
    only: [plan],
    update: ({ y }) => ({ stream: y }),
    observeUpdate(seen) {
      samplesIn(seen, "stream").forEach((states, i) => see(seen.layer, seen.first + i, states));
    },
  };
}
