/** A feed-forward network (MLP) that all tokens pass through, and such networks up to their down projection, of a layer or of one expert. */
import { Add, Clip, Gelu, Mul, QuickGelu, Relu, scalar, type Value } from "../../onnx/mod.ts";
import type { Activation, AnyModule, NetworkSpec } from "../pieces.ts";
import { linear, norm, type Weights } from "../values/linear.ts";
import { watch } from "../values/watch.ts";
import { float32Bytes, ofPiece, type Piece, piece, unitCuts, unitRanges } from "./cuts.ts";
import { type FeedKind, placed } from "./kind.ts";
import { networkTensors, normTensors } from "./needs.ts";
import { plainKind } from "./plain.ts";

export interface MlpSpec extends AnyModule, NetworkSpec {
  readonly kind: "dense";
}

export const dense: FeedKind<MlpSpec> = plainKind<MlpSpec>({
  kind: "dense",
  title: "an MLP",
  tensors: (spec, hidden) => [
    ...normTensors("mlp.norm", spec.norm.pre, hidden),
    ...networkTensors("mlp", spec, hidden, 4),
    ...normTensors("mlp.post_norm", spec.norm.post, hidden),
  ],
  raw(x, spec, weights, sum) {
    const normed = norm(x, spec.norm.pre, "mlp.norm", weights);
    return linear(innerProduct(normed, spec, "mlp", weights), "mlp.down_proj", weights, sum);
  },
  width: networkWidth,
  cut: cutUnits,
  reshaped: (spec, ratio, changes) => ({ ...resized(spec, ratio), norm: placed(spec.norm, changes) }),
});

function cutUnits(spec: MlpSpec, hidden: number, most: number): Piece<MlpSpec>[] {
  const { size } = spec;
  const needs = (some: MlpSpec) => dense.tensors(some, hidden, "mlp");
  const parts = unitRanges(size, (units) => float32Bytes(needs({ ...spec, size: units })), most);
  if (parts.length === 1) return [piece(spec, needs(spec))];
  return parts.map(([start, end]) => {
    const part = { ...spec, size: end - start, ...ofPiece(spec, end === size) };
    return piece(part, needs(part), unitCuts("mlp", start, end));
  });
}

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

export function networkWidth({ size, gated }: NetworkSpec): number {
  return (gated ? 3 : 2) * size;
}

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
