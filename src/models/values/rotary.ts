/** The rotation of heads in a graph, by tables that are inputs of it. */
import { type Dim, type Graph, ints, Reshape, RotaryEmbedding, type Value } from "../../onnx/mod.ts";
import type { AttentionSpec, RopeSpec } from "../pieces.ts";
import type { Extent } from "./attention.ts";
import type { SharedInputs } from "./past.ts";

/** The tables of a rotation, [≥ T, R/2]. */
export interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/** Names of inputs that layers share: the table rows of a rotation. */
export const rotaryNames = (rope: RopeSpec) => {
  const name = JSON.stringify(rope);
  return { cos: `cos ${name}`, sin: `sin ${name}` };
};

/** The tables of one attention, as inputs `cos` and `sin`. */
export function rotaryInputs(graph: Graph, table: readonly Dim[]): Rotary {
  return { cos: graph.input("cos", "f32", table), sin: graph.input("sin", "f32", table) };
}

/** The tables that all attentions of a graph with this rotation share. */
export function rotaryShared(rope: RopeSpec, shared: SharedInputs): Rotary {
  const names = rotaryNames(rope);
  const table = ["tokens", rope.size / 2];
  return { cos: shared(names.cos, "f32", table), sin: shared(names.sin, "f32", table) };
}

/** Rotated heads [N, heads · E] of `samples` sequences that each start at position 0. */
export function rotate(
  x: Value,
  { rope, headSize }: AttentionSpec,
  heads: number,
  tables: Rotary,
  { samples, length }: Extent,
): Value {
  const width = heads * headSize;
  const start = ints(x.graph, [0]);
  const rotated = RotaryEmbedding(Reshape(x, [samples, length, width]), start, tables, {
    heads,
    size: rope!.size,
    interleaved: rope!.interleaved ?? false,
  });
  return Reshape(rotated, [-1, width]);
}
