/** ONNX graphs: a builder, the operators of the specification and those of ONNX Runtime. */
export {
  CausalConvWithState,
  GroupQueryAttention,
  type GroupQueryAttentionInputs,
  LinearAttention,
  QuickGelu,
  RotaryEmbedding,
  SimplifiedLayerNormalization,
} from "./contrib.ts";
export { createGraph, type Dim, type Graph, type StoredWeights, type Value } from "./graph.ts";
export { cpuLowering, type Lowering } from "./lowering.ts";
export * from "./operators.ts";
