/** Observers of a module while it runs. */
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import type { Value } from "../../onnx/mod.ts";
import type {
  AttentionTaps,
  Extent,
  InnerName,
  InputTaps,
  LayerSpec,
  MixerSpec,
  RouterTaps,
  UpdateTaps,
} from "../../models/mod.ts";
import type { LayerModule } from "../../measure/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";

export type Present = Readonly<Record<LayerModule, boolean>>;

/** One run of a module, for samples [first, first + count) of T tokens each. */
export interface Observation {
  readonly layer: number;
  /** Indices of the plans that share this run. */
  readonly plans: readonly number[];
  readonly present: Present;
  readonly first: number;
  readonly count: number;
  readonly length: number;
  /** The outputs that the probes added, or their kernels gave, by name; valid during the call only. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** One run of a layer's last module. The stream that leaves the layer [B·T, D] is in the engine's memory, and the runner frees it. */
export interface UpdateObservation extends Observation {
  readonly y: Held;
}

/** Values around one layer [T, D]: the stream x, attention's update a, the MLP's update m, the next stream y. */
export const STREAMS = ["x", "a", "m", "y"] as const;
export type StreamName = typeof STREAMS[number];

/** Values of a layer by name, for all samples of a batch: streams [B·T, D], and those inside attention [B·T, H·E]. */
export type Given = Readonly<Partial<Record<StreamName | InnerName, Tensor>>>;

/** Values that take the place of a layer's own in some samples of a batch, counted from its first. */
export interface Change {
  readonly samples: readonly number[];
  /** The rows of the other samples are not read. */
  readonly values: Given;
}

/** The numbers of each sample in one of the outputs, valid during the call only. */
export function samplesIn({ outputs, count }: Observation, name: string): Float32Array[] {
  const data = outputs[name].data as Float32Array;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

/**
 * Kernels that run after a module, in the place of outputs of its graph, on engines whose memory is open to them. The tensors
 * that they read stay the runner's; those that they make are read and handed to `observe…`.
 */
export interface ProbeKernels {
  /** Of values inside attention: q [B·T, H·E] and k [B·T, K·E] as they meet. */
  attention?(
    engine: Engine,
    held: Record<"q" | "k", Held>,
    spec: MixerSpec,
    extent: Extent,
  ): Promise<Feeds>;
  /** Of the residual stream around one layer; an absent update is null, h is x + a. All [B·T, D]. */
  update?(
    engine: Engine,
    held: Record<"x" | "h" | "y", Held> & Record<"a" | "m", Held | null>,
    layer: LayerSpec,
    extent: Extent,
  ): Promise<Feeds>;
}

/**
 * An observer. `attention`, `router` and `update` add outputs (float32) to the module graphs; what they give, or `kernels` in their place,
 * is handed to `observe…` after each run, in sample order within a state. The layer runs again with the values that `observeUpdate`
 * returns in the place of its own (modules/update.ts).
 */
export interface Probe {
  /** Indices of the plans to look at, all by default: a run that none of them shares gets no outputs added. */
  readonly only?: readonly number[] | undefined;
  readonly kernels?: ProbeKernels | undefined;
  attention?(taps: AttentionTaps & InputTaps, spec: MixerSpec, extent: Extent): Record<string, Value>;
  observeAttention?(seen: Observation): void | Promise<void>;
  /** Of a mixture, before its experts run. */
  router?(taps: RouterTaps): Record<string, Value>;
  /** `chosen` are the experts of each token [N · k], which the executor reads in any case: no output has to carry them. */
  observeRouter?(seen: Observation & { readonly chosen: BigInt64Array }): void | Promise<void>;
  update?(taps: UpdateTaps, layer: LayerSpec, hidden: number, extent: Extent): Record<string, Value>;
  observeUpdate?(seen: UpdateObservation): void | readonly Change[] | Promise<void | readonly Change[]>;
}
