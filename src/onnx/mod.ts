/** ONNX graphs: a builder, the operators of the specification and those of ONNX Runtime. */
export {
  CausalConvWithState,
  GroupQueryAttention,
  LinearAttention,
  MatMulNBits,
  QuickGelu,
  RotaryEmbedding,
  SimplifiedLayerNormalization,
} from "./contrib.ts";
export { createGraph, dataType, type Dim, type Graph, type StoredWeights, type Value } from "./graph.ts";
export {
  type BlockLowering,
  cpuLowering,
  cudaLowering,
  int8Lowering,
  type Lowering,
  webgpuLowering,
} from "./lowering.ts";
export * from "./operators.ts";
