/** Tensors that modules need, by canonical name, their shapes, and how untrained ones are drawn. */
import type { Draw, NetworkSpec, NormSpec, TensorNeed } from "../pieces.ts";

/** A matrix [out, in] and its bias, if it has one. */
export function linearTensors(
  name: string,
  shape: readonly number[],
  bias: boolean,
  draw: Draw,
): TensorNeed[] {
  const weight: TensorNeed = [`${name}.weight`, shape, draw];
  return bias ? [weight, [`${name}.bias`, [shape[0]], { constant: 0 }]] : [weight];
}

export function normWeight(name: string, size: number): TensorNeed {
  return [`${name}.weight`, [size], { constant: 1 }];
}

/** The tensors of a norm: its weight, and a LayerNorm's bias, where it has them. */
export function normTensors(name: string, norm: NormSpec | null, hidden: number): TensorNeed[] {
  if (!norm) return [];
  return [
    ...(norm.weight === false ? [] : [normWeight(name, hidden)]),
    ...(norm.kind === "rms" || norm.bias === false
      ? []
      : [[`${name}.bias`, [hidden], { constant: 0 }] as const]),
  ];
}

/**
 * The matrices of a feed-forward network and their biases. The streams of gate, up and down follow each other from `stream` on, which
 * matters only to a network that is drawn.
 */
export function networkTensors(
  name: string,
  { size, gated, bias }: NetworkSpec,
  hidden: number,
  stream = 0,
): TensorNeed[] {
  return [
    ...(gated ? linearTensors(`${name}.gate_proj`, [size, hidden], bias, { stream }) : []),
    ...linearTensors(`${name}.up_proj`, [size, hidden], bias, { stream: stream + 1 }),
    ...linearTensors(`${name}.down_proj`, [hidden, size], bias, { stream: stream + 2, residual: true }),
  ];
}
