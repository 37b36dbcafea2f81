/**
 * Element types of a tensor, their sizes and the typed arrays that hold them.
 *
 * JavaScript has no array for `bf16`, and ONNX Runtime takes `f16` as raw bits, so both travel as
 * `Uint16Array` until someone asks for float32 (see `half.ts`).
 */

/** Element type. `f16` is IEEE binary16, `bf16` the upper half of a binary32. */
export type DType = "f64" | "f32" | "f16" | "bf16" | "i64" | "i32" | "i16" | "i8" | "u8" | "bool";

/** What may back a tensor. */
export type TypedArray =
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

/** Bytes of one element. */
export function byteSize(dtype: DType): number {
  return kinds[dtype].BYTES_PER_ELEMENT;
}

/** A typed array of `length` elements over `buffer` from `offset` (bytes); nothing is copied. */
export function viewOf(dtype: DType, buffer: ArrayBuffer, offset = 0, length?: number): TypedArray {
  return new kinds[dtype](buffer, offset, length);
}
