/**
 * Probes that hand over what they see: the residual stream and its updates, how far it moves over n layers (x_l against x_{l+n}, for
 * every l and every n up to a most), and what enters attention's output projection.
 */
import { addStreams, type DistanceSums, type LayerModule, noDistances } from "../../measure/mod.ts";
import { type Probe, samplesIn } from "./probe.ts";
import type { Value } from "../../onnx/mod.ts";

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

/** Sums over tokens, of windows by n − 1 and the layer l that they begin with. */
export type WindowSums = readonly (readonly DistanceSums[])[];

interface WindowsOptions {
  readonly layers: number;
  readonly hidden: number;
  /** Layers of the largest window. */
  readonly most: number;
  /** The last token of each sample alone, instead of all. */
  readonly lastToken: boolean;
}

/**
 * A probe of the full model: it takes each sample's embedding [T, D] with `enter` before the run, and has `sums` after it. States are
 * held for as long as a window may begin with them: n · T · D numbers for each sample.
 */
export function windowsProbe({ layers, hidden, most, lastToken }: WindowsOptions): {
  readonly probe: Probe;
  enter(sample: number, embedding: Float32Array): void;
  readonly sums: WindowSums;
} {
  const sums = Array.from(
    { length: most },
    (_, n) => Array.from({ length: layers - n }, () => noDistances()),
  );
  /** States by layer that they enter, and sample. */
  const held = Array.from({ length: layers + 1 }, () => new Map<number, Float32Array>());
  const kept = (states: Float32Array) => states.slice(lastToken ? -hidden : 0);
  const probe = streamProbe((layer, sample, states) => {
    const y = kept(states);
    const end = layer + 1;
    for (let n = 1; n <= Math.min(most, end); n++) {
      addStreams(sums[n - 1][end - n], held[end - n].get(sample)!, y, hidden);
    }
    held[end].set(sample, y);
    held[end - most]?.delete(sample);
    if (end === layers) held.forEach((states) => states.delete(sample));
  });
  return { probe, sums, enter: (sample, embedding) => held[0].set(sample, kept(embedding)) };
}
