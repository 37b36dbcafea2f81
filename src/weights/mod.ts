/** Checkpoints as named tensors, one layer at a time. */
export type { Lease, TensorFile, TensorInfo, WeightSource } from "./source.ts";
