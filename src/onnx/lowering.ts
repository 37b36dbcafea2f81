/** How the graphs of one engine are made. Engines differ in operators and in the element types that they can be fed. */
export interface Lowering {
  /**
   * How attention runs: GroupQueryAttention; the same, but without a soft cap and a window, where it is wrong; ONNX Attention
   * (opset 24); neither.
   */
  readonly attention: "grouped" | "grouped-without-softcap" | "standard" | "decomposed";
  /** How attention with a mask of its own runs, which GroupQueryAttention does not take: ONNX Attention, or products. */
  readonly masked: "standard" | "decomposed";
  /** How some rows of a sum are added to: by ScatterND, or as what each of all rows gains. */
  readonly rows: "scattered" | "gathered";
  /** How BF16 weights are fed: as they are, or not at all (upload widens them to f32). */
  readonly bfloat16: "native" | "widened";
  /** Element type of the two factors of products with a layer's weights. */
  readonly products: "f32" | "bf16";
}

/** What the CPU runs. */
export const cpuLowering: Lowering = {
  attention: "grouped",
  masked: "standard",
  rows: "scattered",
  bfloat16: "native",
  products: "f32",
};
