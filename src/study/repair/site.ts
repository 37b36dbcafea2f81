/** A place where a repair is made. */
import { type Change, type LayerModule, MODULES } from "../../measure/mod.ts";

/** A module of a layer. */
export interface Place {
  readonly layer: number;
  readonly module: LayerModule;
}

/** A place that changes, and the modules that it makes up for, in order: dropped ones, or attention itself over fewer keys. */
export interface Site extends Place {
  readonly of: readonly Place[];
  /** The window of the attention there; absent where something is dropped. */
  readonly window?: Window;
}

/** A change of attention to a window. */
export type Window = Extract<Change, { readonly to: "window" }>;

/** A module's place in the order of a run. */
export const order = ({ layer, module }: Place) => 2 * layer + MODULES.indexOf(module);
