/**
 * The windows probe: how far the residual stream moves over n layers, x_l against x_{l+n}, for every l and every n up to a most.
 *
 * States are held for as long as a window may begin with them: n · T · D numbers for each sample.
 */
import { addStreams, type DistanceSums, noDistances } from "../../measure/mod.ts";
import type { Probe } from "./probe.ts";
import { streamProbe } from "./stream.ts";

/** Sums over tokens, of windows by n − 1 and the layer l that they begin with. */
export type WindowSums = readonly (readonly DistanceSums[])[];

/** What is observed. */
interface WindowsOptions {
  readonly layers: number;
  readonly hidden: number;
  /** Layers of the largest window. */
  readonly most: number;
  /** The last token of each sample alone, instead of all. */
  readonly lastToken: boolean;
}

/** A probe of the full model: tell it each sample's embedding [T, D] with `enter`, run, and read `sums`. */
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
