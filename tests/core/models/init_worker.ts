/** A worker that makes what it is asked for of a random model's layer, and sends it back tensor by tensor. */
import { randomWeights, readSpec } from "core/models/mod.ts";
import type { Cut } from "core/weights/mod.ts";

/** Tensors of layer `layer`, each cut or whole (null). */
export interface Wanted {
  readonly config: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly layer: number;
  readonly cuts: readonly (readonly [name: string, cut: Cut | null])[];
}

/** Its numbers as they were made, by name. */
export type Made = readonly (readonly [name: string, values: Float32Array])[];

const self = globalThis as unknown as Worker;

self.onmessage = async ({ data: { config, seed, layer, cuts } }: MessageEvent<Wanted>) => {
  const weights = randomWeights(readSpec(config, "worker"), { std: 0.02, residualStd: 0.005, seed });
  const { tensors, release } = await weights.part!(layer, new Map(cuts));
  self.postMessage([...tensors].map(([name, { data }]) => [name, data as Float32Array]) satisfies Made);
  release();
};
