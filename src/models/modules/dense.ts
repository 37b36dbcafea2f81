/** A feed-forward network (MLP) that all tokens pass through. */
import type { AnyModule, NetworkSpec } from "../pieces.ts";
import { linear, norm } from "../values/linear.ts";
import { float32Bytes, ofPiece, type Piece, piece, ranges, unitCuts } from "./cuts.ts";
import { type FeedKind, placed } from "./kind.ts";
import { networkTensors, normTensors } from "./needs.ts";
import { innerProduct, networkWidth, resized } from "./network.ts";
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
  const parts = ranges(size, (units) => float32Bytes(needs({ ...spec, size: units })), most);
  if (parts.length === 1) return [piece(spec, needs(spec))];
  return parts.map(([start, end]) => {
    const part = { ...spec, size: end - start, ...ofPiece(spec, end === size) };
    return piece(part, needs(part), unitCuts("mlp", start, end));
  });
}
