/** What to observe of a module while it runs. */
import type { Value } from "../../onnx/mod.ts";
import type { AttentionSpec, AttentionTaps, Extent, LayerSpec, UpdateTaps } from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";

/** Which modules of a layer are run. */
export interface Present {
  readonly attention: boolean;
  readonly mlp: boolean;
}

/** One run of a module, for samples [first, first + count) of T tokens each. */
export interface Observation {
  readonly layer: number;
  /** Indices of the plans that share this run. */
  readonly plans: readonly number[];
  readonly present: Present;
  readonly first: number;
  readonly count: number;
  readonly length: number;
  /** The outputs that the probes added, by name; valid during the call only. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/**
 * An observer. `attention` and `update` add outputs (float32) to the module graphs; what they give is handed to
 * `observe…` after each run, in sample order within a state.
 */
export interface Probe {
  /** Indices of the plans to look at, all by default: a run that none of them shares gets no outputs added. */
  readonly only?: readonly number[] | undefined;
  attention?(taps: AttentionTaps, spec: AttentionSpec, extent: Extent): Record<string, Value>;
  observeAttention?(seen: Observation): void | Promise<void>;
  update?(taps: UpdateTaps, layer: LayerSpec, hidden: number): Record<string, Value>;
  observeUpdate?(seen: Observation): void;
}
