/** What a kind of change is to the room: how it is checked, and which module it makes. */
import type { Change } from "../../measure/mod.ts";
import type { LayerSpec, ModelSpec } from "../../models/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";

/** A kind of change, which is a variant of a module: a specification, and tensors in the place of the model's. */
export interface ChangeKind<Own extends Change> {
  /** Tensors that it brings, by name, with their number of axes. */
  readonly tensors: Readonly<Record<string, number>>;
  /** The change with its fields in one order. Throws `RangeError` that names the module ("attention 7") if it is impossible. */
  normal(change: Own, spec: ModelSpec, name: string): Own;
  /** The module's specification; null where nothing is run and nothing added. */
  spec(change: Own, layer: LayerSpec): LayerSpec[Own["module"]];
  /** How one of the module's tensors is made of the model's; null where it is the same. */
  made?(change: Own, layer: LayerSpec, tensor: string): ((stored: Tensor) => Tensor) | null;
}

/** The changes of one kind. */
export type ChangeTo<To extends Change["to"]> = Extract<Change, { readonly to: To }>;
