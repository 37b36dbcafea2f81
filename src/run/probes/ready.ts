/** The probe of what enters attention's output projection, batch by batch. */
import type { Value } from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { Probe } from "./probe.ts";

/** A probe of plan number `plan` that keeps its tensors [N, H·V], float32, in the order of the batches. */
export function readyProbe(plan: number): Probe & { readonly tensors: Tensor[] } {
  const tensors: Tensor[] = [];
  return {
    tensors,
    only: [plan],
    attention: ({ ready }): Record<string, Value> => ready ? { ready } : {},
    observeAttention({ outputs: { ready } }) {
      if (ready) tensors.push({ ...ready, data: ready.data.slice() });
    },
  };
}
