/** Values inside a module that a linear fit starts from, as functions of the stream that enters it. */
import type { Graph, Lowering, Value } from "../../onnx/mod.ts";
import type { LayerModule } from "../../measure/mod.ts";
import { type FeedSpec, kindOf, type MixerSpec } from "../modules/list.ts";
import { innerProduct } from "../modules/dense.ts";
import type { TensorNeed } from "../pieces.ts";
import { weightInputs } from "../values/inputs.ts";
import type { StoredTypes } from "../values/blocks.ts";
import { norm } from "../values/linear.ts";

/** Tensors that make the input of a fit from the stream. */
export function fitTensors(spec: MixerSpec | FeedSpec, hidden: number, at: LayerModule): TensorNeed[] {
  return kindOf(spec).tensors(spec, hidden, at)
    .filter(([name]) => /^\w+\.(?:norm|gate_proj|up_proj)\./.test(name));
}

/**
 * The input of a fit, of the stream x [N, D] that enters the module: that of the MLP's output projection (z [N, F]), or the stream normed
 * as by the norm before another module. The weights become inputs of the graph, by canonical name.
 */
export function fitInput(
  graph: Graph,
  x: Value,
  spec: MixerSpec | FeedSpec,
  hidden: number,
  at: LayerModule,
  lowering: Lowering,
  stored: StoredTypes,
): Value {
  const weights = weightInputs(graph, fitTensors(spec, hidden, at), lowering, stored);
  const normed = norm(x, spec.norm.pre, `${at}.norm`, weights);
  return spec.kind === "dense" ? innerProduct(normed, spec, at, weights) : normed;
}
