/** ONNX graphs: a builder, the operators of the specification and those of ONNX Runtime. */
export * from "./contrib.ts";
export * from "./graph.ts";
export * from "./lowering.ts";
export * from "./operators.ts";
