/**
 * The same architecture at another shape, to vary one cause and hold the others fixed: width, depth, heads and norm
 * placement.
 */
import { kindOf } from "./modules/list.ts";
import type { ModelSpec } from "./spec.ts";

/** Changes to a model's shape; all other sizes follow or stay the same. */
export interface Reshaping {
  /** Width of the stream, D. The inner widths of attention and MLP scale in proportion; the number of heads stays the same. */
  readonly hidden?: number | undefined;
  /** Number of layers, L. Layers repeat in the model's own order. */
  readonly layers?: number | undefined;
  /** Number of heads, H, at the same total width; key heads scale in proportion. */
  readonly heads?: number | undefined;
  /** Norm placement of every module, in place of the family's. */
  readonly norm?: "pre" | "peri" | "post" | undefined;
}

/** Changes a model's shape. Throws `RangeError` if a width does not divide into heads. */
export function reshape(spec: ModelSpec, changes: Reshaping): ModelSpec {
  const { hidden = spec.hidden, layers = spec.layers.length } = changes;
  const ratio = hidden / spec.hidden;
  return {
    ...spec,
    hidden,
    layers: Array.from({ length: layers }, (_, l) => {
      const { attention, mlp, ...layer } = spec.layers[l % spec.layers.length];
      return {
        ...layer,
        attention: attention && kindOf(attention).reshaped(attention, ratio, changes),
        mlp: mlp && kindOf(mlp).reshaped(mlp, ratio, changes),
      };
    }),
    embeddingScale: spec.embeddingScale === 1 ? 1 : Math.fround(spec.embeddingScale * Math.sqrt(ratio)),
  };
}
