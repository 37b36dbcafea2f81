/**
 * Tensors, their element types, and the typed arrays that hold them.
 *
 * JavaScript has no array for `bf16`, the upper half of a float32's bits, and ONNX Runtime takes `f16` as raw bits, so both are
 * held as `Uint16Array` until float32 is needed.
 */

/** A dense, row-major tensor in CPU memory. `data` may be a view of a mapped file: never write to it. */
export type Tensor = { readonly dtype: DType; readonly shape: readonly number[]; readonly data: TypedArray };

/** Whole numbers as the index tensors of graphs; by default a list. */
export function indices(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
  return { dtype: "i64", shape, data: BigInt64Array.from(values, BigInt) };
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
      return new Float32Array(
        new Float16Array(tensor.data.buffer as ArrayBuffer, tensor.data.byteOffset, tensor.data.length),
      );
    case "bf16":
      return bf16ToF32(tensor.data as Uint16Array);
    default:
      throw new TypeError(`Cannot convert ${tensor.dtype} to float32: expected f32, f16 or bf16`);
  }
}

/** Element type. `f16` is IEEE binary16, `bf16` the upper half of a binary32. */
export type DType = "f64" | "f32" | "f16" | "bf16" | "i64" | "i32" | "i16" | "i8" | "u8" | "bool";

/** What may back a tensor. */
type TypedArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

const kinds = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The bytes of an array; nothing is copied. */
export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** The same bytes where an array of elements of `size` bytes can begin. */
export function aligned(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

export const byteSize = (dtype: DType): number => kinds[dtype].BYTES_PER_ELEMENT;

/** A typed array of `length` elements over `buffer` from `offset` (bytes); nothing is copied. */
export function viewOf(dtype: DType, buffer: ArrayBuffer, offset = 0, length?: number): TypedArray {
  return new kinds[dtype](buffer, offset, length);
}

export function bf16ToF32(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}
