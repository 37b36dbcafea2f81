/** How large modules are: weights, and what a token leaves in the cache. */

import {
  layerTensors,
  mixerKind,
  type ModelSpec,
  outerTensors,
  scoring,
  type TensorNeed,
} from "../models/mod.ts";
import type { Sizes } from "../result/mod.ts";
import { elements } from "../tensor/mod.ts";

/** Bytes of a number in the cache. */
const KV_BYTES = 2;

/** How large modules are: weights, and keys and values in 16 bits. Linear attention keeps none. */
export function sizesOf(spec: ModelSpec): Sizes {
  const weights = (tensors: readonly TensorNeed[]) =>
    tensors.reduce((sum, [, shape]) => sum + elements(shape), 0);
  const { layers, hidden } = spec;
  return {
    hidden,
    parameters: weights([...outerTensors(spec), ...layers.flatMap((layer) => layerTensors(layer, hidden))]),
    attention: layers.map((layer) =>
      layer.attention && weights(layerTensors({ ...layer, mlp: null }, hidden))
    ),
    mlp: layers.map((layer) => layer.mlp && weights(layerTensors({ ...layer, attention: null }, hidden))),
    kvBytes: layers.map(({ attention }) => attention && KV_BYTES * mixerKind(attention).kept(attention)),
    kvTokens: layers.map(({ attention }) => scoring(attention)?.window ?? null),
  };
}
