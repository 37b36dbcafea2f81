/** Feed-forward networks up to their down projection, of a layer or of one expert. */
import { Add, Clip, Gelu, Mul, QuickGelu, Relu, scalar, type Value } from "../../onnx/mod.ts";
import type { Activation, NetworkSpec } from "../pieces.ts";
import { linear, type Weights } from "../values/linear.ts";
import { watch } from "../values/watch.ts";

/**
 * act(gate(x)) · up(x), or act(up(x)) where there is no gate: [N, F] of rows [N, D]; `name` is the network's. With a `limit`, gate ≤
 * limit, |up| ≤ limit, and act(gate) · (up + 1) is in the place of act(gate) · up.
 */
export function innerProduct(
  x: Value,
  spec: NetworkSpec & { readonly limit?: number | null },
  name: string,
  weights: Weights,
): Value {
  const up = linear(x, `${name}.up_proj`, weights);
  if (!spec.gated) return activate(up, spec.activation);
  const gate = linear(x, `${name}.gate_proj`, weights);
  const { limit = null } = spec;
  if (limit === null) return Mul(activate(gate, spec.activation), up);
  const moved = Add(Clip(watch(up), -limit, limit), scalar(x.graph, 1));
  return Mul(activate(Clip(watch(gate), null, limit), spec.activation), moved);
}

export const networkWidth = ({ size, gated }: NetworkSpec): number => (gated ? 3 : 2) * size;

/** A network of a width in proportion. */
export function resized<Spec extends NetworkSpec>(spec: Spec, ratio: number): Spec {
  return { ...spec, size: Math.max(1, Math.round(spec.size * ratio)) };
}

/** The factor of x in the sigmoid of quick_gelu. */
const QUICK = 1.702;

function activate(x: Value, activation: Activation): Value {
  switch (activation) {
    case "silu":
      return QuickGelu(x, 1);
    case "gelu":
      return Gelu(x, "none");
    case "gelu_tanh":
      return Gelu(x, "tanh");
    case "relu":
      return Relu(x);
    case "quick_gelu":
      return QuickGelu(x, QUICK);
  }
}
