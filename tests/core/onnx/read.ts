/** Graphs read back, and what an engine can be relied on to run. */
import { fromBinary } from "@bufbuild/protobuf";
import { type GraphProto, ModelProtoSchema } from "onnx-buf";
import type { Graph } from "core/onnx/mod.ts";

/**
 * Operators that every engine has a kernel for, without a library that may be missing (cuDNN): no Pad, ReduceMax, Einsum or
 * MatMulInteger.
 */
export const everywhere: ReadonlySet<string> = new Set([
  ..."Add ArgMax Cast Clip Concat Div Exp Expand Gather GatherElements Gelu Gemm Identity LayerNormalization Less"
    .split(
      " ",
    ),
  ..."CausalConvWithState LinearAttention LpNormalization MatMul Mul QuickGelu ReduceSum ReduceSumSquare Relu Reshape RotaryEmbedding Shape"
    .split(" "),
  ..."Sigmoid SimplifiedLayerNormalization Slice Softmax Softplus Sub Tanh TopK Transpose Where".split(" "),
]);

export const protoOf = (graph: Graph): GraphProto => fromBinary(ModelProtoSchema, graph.toBytes()).graph!;
