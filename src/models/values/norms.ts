/** Norms of rows, and numbers that multiply them. */
import {
  Expand,
  LayerNormalization,
  Mul,
  scalar,
  Shape,
  SimplifiedLayerNormalization,
  type Value,
} from "../../onnx/mod.ts";
import type { NormSpec } from "../pieces.ts";
import type { Weights } from "./linear.ts";

/** The norm of rows, or the rows themselves where there is none. */
export function norm(x: Value, spec: NormSpec | null, name: string, weights: Weights): Value {
  if (!spec) return x;
  const scale = spec.weight === false
    ? Expand(scalar(x.graph, 1), Shape(x, -1))
    : weights.values.get(`${name}.weight`)!;
  return spec.kind === "rms"
    ? SimplifiedLayerNormalization(x, scale, spec.epsilon)
    : LayerNormalization(x, scale, weights.values.get(`${name}.bias`) ?? null, { epsilon: spec.epsilon });
}

/** Times a number that is part of the model. */
export function scaled(x: Value, factor = 1): Value {
  return factor === 1 ? x : Mul(x, scalar(x.graph, factor));
}
