/** The graph of a layer's linear attention: as attention's, without keys of other tokens. */
import { cpuLowering, createGraph, type Graph } from "../onnx/mod.ts";
import type { Extent } from "./attention.ts";
import { deltaNet } from "./delta_net.ts";
import {
  asUpdate,
  type AttentionTaps,
  finished,
  type ModuleOptions,
  rowsOf,
  weightInputs,
} from "./graphs.ts";
import { linear } from "./linear.ts";
import type { DeltaNetSpec } from "./spec.ts";
import { layerTensors } from "./tensors.ts";
import { watch } from "./watch.ts";

/** Inputs x [B·T, D] and the weights; output a [B·T, D], what is added to the residual stream. `tap` adds outputs of its own. */
export function deltaGraph(
  spec: DeltaNetSpec,
  hidden: number,
  extent: Extent,
  { tap, stored, lowering = cpuLowering }: Omit<ModuleOptions<AttentionTaps>, "onto"> = {},
): Graph {
  const graph = createGraph();
  const x = graph.input("x", "f32", [rowsOf(extent), hidden]);
  const needs = layerTensors({ residual: "sequential", attention: spec, mlp: null }, hidden);
  const weights = weightInputs(graph, needs, lowering, stored);
  const { q, k, v, mixed } = deltaNet(x, spec, weights, extent.samples);
  const raw = linear(mixed, "attention.out_proj", weights);
  const a = watch(asUpdate(raw, spec, "attention", weights));
  graph.output("a", a);
  return finished(graph, tap?.({ x, q, k, v, mixed, raw, a }));
}
