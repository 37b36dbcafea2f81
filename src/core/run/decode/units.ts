/** What a model runs in a step of decoding, in order. */
import { type LayerSpec, type ModelSpec, routed } from "../../models/mod.ts";
import type { Engine, Feeds, Held, RunOptions } from "../../engine/mod.ts";
import type { Programs } from "../programs.ts";

/** A layer as a plan leaves it, and its number in the model. */
export type StepLayer = { readonly l: number; readonly spec: LayerSpec };

/** Runs a stage on new tokens: `x` and the inputs of `stepGraph` to `y` or `logits`, with the `squares` of what is watched. */
export type RunStage = (feeds: Feeds, options?: RunOptions) => Promise<Record<string, Held>>;

/** Some consecutive layers, or the head (no layers). */
export interface Stage {
  readonly layers: readonly StepLayer[];
  /** Whether it gives logits: of the rows of x that `rows` names. */
  readonly answers: boolean;
  /** Has the weights at hand for as long as `use` runs. */
  with<T>(use: (run: RunStage) => Promise<T>): Promise<T>;
}

export interface Open {
  readonly engine: Engine;
  readonly programs: Programs;
  readonly texts: number;
  /** Whether what is kept and not in blocks is float32, which is faster, or as it is stored. */
  readonly isWide: boolean;
}

/** What a model runs in order: its layers, a mixture by itself behind its layer's attention, and the head (null). */
export function unitsOf(spec: ModelSpec): (StepLayer | null)[] {
  return [...spec.layers.flatMap((_, l) => modulesOf(spec, l)), null];
}

function modulesOf({ layers }: ModelSpec, l: number): StepLayer[] {
  const layer = layers[l];
  const { attention, mlp } = layer;
  if (!attention && !mlp) return [];
  if (!routed(mlp)) return [{ l, spec: layer }];
  return [
    ...attention ? [{ l, spec: { ...layer, mlp: null } }] : [],
    { l, spec: { ...layer, attention: null } },
  ];
}
