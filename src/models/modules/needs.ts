/** Tensors that modules need, by canonical name, and their shapes. */
import type { NetworkSpec, NormSpec, TensorNeed } from "../pieces.ts";

/** A matrix [out, in] and its bias, if it has one. */
export function linearTensors(name: string, shape: readonly number[], bias: boolean): TensorNeed[] {
  return bias ? [[`${name}.weight`, shape], [`${name}.bias`, [shape[0]]]] : [[`${name}.weight`, shape]];
}

/** The tensors of a norm: its weight, and a LayerNorm's bias, where it has them. */
export function normTensors(name: string, norm: NormSpec | null, hidden: number): TensorNeed[] {
  if (!norm) return [];
  return [
    ...(norm.weight === false ? [] : [[`${name}.weight`, [hidden]] as const]),
    ...(norm.kind === "rms" || norm.bias === false ? [] : [[`${name}.bias`, [hidden]] as const]),
  ];
}

/** The matrices of a feed-forward network and their biases. */
export function networkTensors(
  name: string,
  { size, gated, bias }: NetworkSpec,
  hidden: number,
): TensorNeed[] {
  return [
    ...(gated ? linearTensors(`${name}.gate_proj`, [size, hidden], bias) : []),
    ...linearTensors(`${name}.up_proj`, [size, hidden], bias),
    ...linearTensors(`${name}.down_proj`, [hidden, size], bias),
  ];
}
