/**
 * Where a module is cut into pieces. Attention is a sum over its heads and an MLP one over its inner units, so each can be run piece
 * by piece, every piece adding to the sum of those before it; the last has the norm behind the module.
 */
import { elements } from "../../tensor/mod.ts";
import { type Cut, ranges } from "../../weights/mod.ts";
import type { AnyModule, NetworkSpec, TensorNeed } from "../pieces.ts";
import { networkTensors } from "./needs.ts";

/** Some of a module, and the cut of each tensor that it needs (null: the whole tensor). */
export type Piece<Spec> = { readonly spec: Spec; readonly cuts: ReadonlyMap<string, Cut | null> };

/** By a linear layer's name: which cut of its weight or bias belongs to a piece. */
type Cuts = Readonly<Record<string, ((name: string) => Cut | null) | undefined>>;

/** Rows of a projection that reads the stream. */
export const rows = (start: number, end: number) => (): Cut => ({ axis: 0, start, end });
/** Columns of one that writes to it; its bias is whole. */
export const columns = (start: number, end: number) => (name: string): Cut | null =>
  name.endsWith(".bias") ? null : { axis: 1, start, end };

/** A piece that needs these tensors, cut. */
export function piece<Spec>(spec: Spec, needs: readonly TensorNeed[], cuts: Cuts = {}): Piece<Spec> {
  return {
    spec,
    cuts: new Map(needs.map(([name]) => [name, cuts[name.slice(0, name.lastIndexOf("."))]?.(name) ?? null])),
  };
}

export function float32Bytes(needs: readonly TensorNeed[]): number {
  return needs.reduce((sum, [, shape]) => sum + 4 * elements(shape), 0);
}

/** The norm and the scales of the update belong to the last piece: the sum of all passes through them. */
export function ofPiece({ norm, updateScale, updateSides }: Omit<AnyModule, "kind">, isLast: boolean) {
  return {
    norm: { ...norm, post: isLast ? norm.post : null },
    ...updateScale === undefined || isLast ? {} : { updateScale: 1 },
    ...updateSides === undefined || isLast ? {} : { updateSides: null },
  };
}

/** Cuts of a network of that name to its inner units [start, end). */
export function unitCuts(name: string, start: number, end: number): Cuts {
  return {
    [`${name}.gate_proj`]: rows(start, end),
    [`${name}.up_proj`]: rows(start, end),
    [`${name}.down_proj`]: columns(start, end),
  };
}

/** A network of that name by its inner units; `besides` are tensors that each piece needs whole. */
export function cutNetwork<Spec extends NetworkSpec>(
  spec: Spec,
  name: string,
  hidden: number,
  most: number,
  besides: readonly TensorNeed[] = [],
): Piece<Spec>[] {
  const needs = (units: number) => [...networkTensors(name, { ...spec, size: units }, hidden), ...besides];
  return unitRanges(spec.size, (units) => float32Bytes(needs(units)), most).map(([start, end]) =>
    piece(
      { ...spec, size: end - start },
      needs(end - start),
      end - start === spec.size ? {} : unitCuts(name, start, end),
    )
  );
}

/**
 * `count` units, cut into as few ranges as keep each at `most` bytes, if one unit is no more; and then as equal as can be.
 * `bytes` of some units: theirs, and those that every piece has.
 */
export function unitRanges(
  count: number,
  bytes: (units: number) => number,
  most: number,
): (readonly [number, number])[] {
  const every = bytes(0);
  const fitting = Math.max(1, Math.floor((most - every) / (bytes(1) - every)));
  const size = Math.ceil(count / Math.ceil(count / Math.min(fitting, count)));
  return [...ranges(0, count, size)];
}
