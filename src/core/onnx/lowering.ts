/** How the graphs of one engine are made. Engines differ in operators and in the element types that they can be fed. */
export interface Lowering {
  /**
   * How attention runs: GroupQueryAttention; the same, but without a soft cap and a window, where it is wrong; ONNX Attention
   * (opset 24); neither.
   */
  readonly attention: "grouped" | "grouped-without-softcap" | "standard" | "decomposed";
  /** How attention with a mask of its own runs, which GroupQueryAttention does not take: ONNX Attention, or products. */
  readonly masked: "standard" | "decomposed";
  /** How heads are rotated: by ONNX Runtime's RotaryEmbedding, or by products with the tables. */
  readonly rotation: "fused" | "products";
  /** How some rows of a sum are added to: by ScatterND, or as what each of all rows gains. */
  readonly rows: "scattered" | "gathered";
  /** How BF16 weights are fed: as they are, or not at all (upload widens them to f32). */
  readonly bfloat16: "native" | "widened";
  /** Element type of the two factors of products with a layer's weights. */
  readonly products: "f32" | "bf16";
  readonly blocks: BlockLowering;
  /** Whether constants are copied into a program, in the best form for its products, or fed to it in every run. */
  readonly constants: "copied" | "fed";
}

/** How products with weights in blocks run: by MatMulNBits, or with the blocks widened to float32. */
export interface BlockLowering {
  /** Bits of the blocks that passes take as they are stored. */
  readonly passes: readonly (4 | 8)[];
  /** Bits of the blocks that steps of decoding take as they are stored. */
  readonly steps: readonly (4 | 8)[];
  /** MatMulNBits's `accuracy_level`: 1 for float32, 4 for products of bytes. */
  readonly level: 1 | 4;
  /**
   * Passes take the blocks of a layer, or of an expert, whose float32 weights have at least this number of bytes. They widen smaller
   * ones, which takes half the time of a program with copies of blocks, and little memory.
   */
  readonly worthBytes: number;
  /** Numbers of the largest block that is taken as it is stored. */
  readonly largest: number;
  /** Whether float32 products with 8 bits are three of bytes, of x in three parts. */
  readonly isParted: boolean;
}

export const cpuLowering: Lowering = {
  attention: "grouped",
  masked: "standard",
  rotation: "fused",
  rows: "scattered",
  bfloat16: "native",
  products: "f32",
  // Level 1 takes ten times as long with 8 bits as with float32.
  blocks: { passes: [4], steps: [4, 8], level: 1, worthBytes: 2 ** 28, largest: 256, isParted: true },
  constants: "copied",
};

/** What it runs where products with blocks are of bytes. */
export const int8Lowering: Lowering = {
  ...cpuLowering,
  blocks: { passes: [4, 8], steps: [4, 8], level: 4, worthBytes: 0, largest: 256, isParted: false },
};

/** Blocks on devices: float32 products with all of them, in the kernels that the library has for it. */
const onDevices = (largest: number): BlockLowering => (
  { passes: [4, 8], steps: [4, 8], level: 1, worthBytes: 0, largest, isParted: false }
);

/** What CUDA runs, the factors of products with dense weights being of a type. */
export const cudaLowering = (products: Lowering["products"]): Lowering => ({
  attention: "standard",
  masked: "standard",
  rotation: "fused",
  rows: "scattered",
  bfloat16: "native",
  products,
  blocks: onDevices(128), // the kernel for a single row refuses larger ones
  constants: "fed",
});

export const webgpuLowering: Lowering = {
  attention: "grouped-without-softcap",
  masked: "decomposed",
  rotation: "fused",
  rows: "gathered",
  bfloat16: "widened",
  products: "f32",
  // Each kernel was held against float64 on a software device: blocks of 16 to 512 numbers, all forms, 1 to 300 rows. None was wrong.
  blocks: onDevices(256),
  constants: "fed",
};

/** What plug-ins run, the factors of products with a layer's weights being of a type: ONNX's own operators. Blocks are widened. */
export const pluginLowering = (products: Lowering["products"]): Lowering => ({
  attention: "decomposed",
  masked: "decomposed",
  rotation: "products",
  rows: "scattered",
  bfloat16: "native",
  products,
  blocks: { passes: [], steps: [], level: 1, worthBytes: Infinity, largest: 0, isParted: false },
  constants: "copied",
});
