import { type DType, type TypedArray } from "./dtype.ts";
import { bf16ToF32, f16ToF32 } from "./half.ts";

/** A dense, row-major tensor in CPU memory. `data` may be a view of a mapped file: never write to it. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Number of elements of a shape; 1 for a scalar. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** A float32 tensor of the given shape. Throws `RangeError` if the data has another length. */
export function float32(shape: readonly number[], data: Float32Array): Tensor & { data: Float32Array } {
  if (elements(shape) !== data.length) {
    throw new RangeError(`Cannot shape ${data.length} elements as [${shape}]`);
  }
  return { dtype: "f32", shape, data };
}

/** The elements as float32: the same array if they are, else a converted copy. */
export function toFloat32(tensor: Tensor): Float32Array {
  switch (tensor.dtype) {
    case "f32":
      return tensor.data as Float32Array;
    case "f16":
      return f16ToF32(tensor.data as Uint16Array);
    case "bf16":
      return bf16ToF32(tensor.data as Uint16Array);
    default:
      throw new TypeError(`Cannot convert ${tensor.dtype} to float32: expected f32, f16 or bf16`);
  }
}
