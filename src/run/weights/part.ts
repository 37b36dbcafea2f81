/** A part of a module, as it is fed to its graph. */
import type { Held } from "../../engine/mod.ts";
import type { Cut } from "../../weights/mod.ts";

/** Some of a module, and its weights for as long as `use` runs. */
export interface Part<Spec> {
  readonly spec: Spec;
  /** Weights as they are stored: F16 and BF16 are widened in the graph, where that takes no copy of the layer here. */
  use<T>(run: Use<T>): Promise<T>;
  /** The canonical name of a weight that is fed under another. */
  readonly nameOf?: (fed: string) => string;
}

/** What is done with a part's weights, which are held by the engine. */
export type Use<T> = (weights: Readonly<Record<string, Held>>) => Promise<T>;

/** Weights on the engine, and what gives them back. */
export interface HeldWeights {
  readonly held: Readonly<Record<string, Held>>;
  free(): void;
}

/** Puts some tensors of a layer, cut (null: whole), on the engine. */
export type Make = (cuts: ReadonlyMap<string, Cut | null>) => HeldWeights | Promise<HeldWeights>;
