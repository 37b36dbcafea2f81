/** ONNX graphs: a builder, the operators of the specification and those of ONNX Runtime. */
export {
  CausalConvWithState,
  GroupQueryAttention,
  LinearAttention,
  QuickGelu,
  RotaryEmbedding,
  SimplifiedLayerNormalization,
} from "./contrib.ts";
export { createGraph, dataType, type Dim, type Graph, type Value } from "./graph.ts";
export { cpuLowering, type Lowering } from "./lowering.ts";
export * from "./operators.ts";
