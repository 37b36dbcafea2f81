/** What a token passes through: some consecutive layers, or the head. */
import type { Feeds, Held, RunOptions } from "../../engine/mod.ts";
import type { LayerSpec } from "../../models/mod.ts";

/** A layer as a plan leaves it, and its number in the model. */
export interface StepLayer {
  readonly l: number;
  readonly spec: LayerSpec;
}

/**
 * Runs a stage on new tokens: `x` and the inputs of `stepGraph` to `y`, or to `logits`; and `squares`, `head_squares` of what the
 * layers and the head watch.
 */
export type RunStage = (feeds: Feeds, options?: RunOptions) => Promise<Record<string, Held>>;

/** Some consecutive layers, or the head (no layers). */
export interface Stage {
  readonly layers: readonly StepLayer[];
  /** Has the weights at hand for as long as `use` runs. */
  with<T>(use: (run: RunStage) => Promise<T>): Promise<T>;
}
