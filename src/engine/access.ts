/**
 * What our kernels need of an engine to run on its device, over its memory, in the order of its own work. For `src/kernels`
 * alone: everybody else takes and gives `Held`.
 */
import type { DType } from "../tensor/mod.ts";
import type { Held } from "./engine.ts";

/** The device of the engine `cuda`. */
export interface CudaAccess {
  readonly kind: "cuda";
  /** The stream (CUstream) of all its work; what runs on it finds what was uploaded or computed before. */
  readonly stream: Deno.PointerValue;
  /** The address (CUdeviceptr) of a held tensor; valid until it is freed. */
  address(held: Held): bigint;
  /** New memory, to be written by a kernel; what is in it is undefined. */
  allocate(dtype: DType, shape: readonly number[]): Held;
}

/** A device that runs kernels; null for the CPU. */
export type Access = CudaAccess | null;
