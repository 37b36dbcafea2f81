/** Tensors of normal numbers, the same ones for the same seed. */
import { fillNormal, float32, streamKeys, type Tensor } from "core/tensor/mod.ts";

export function normal(shape: readonly number[], seed: number, scale = 1): Tensor & { data: Float32Array } {
  const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
  fillNormal(data, streamKeys(1, 0, seed), 0, scale);
  return float32(shape, data);
}
