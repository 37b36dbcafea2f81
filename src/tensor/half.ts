/**
 * Half-precision formats to float32, which is exact. F16 is JavaScript's own `Float16Array`; BF16, which has none, is the
 * upper half of the float32's bits.
 */

/** F16 bits to float32. */
export function f16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array {
  out.set(new Float16Array(bits.buffer as ArrayBuffer, bits.byteOffset, bits.length));
  return out;
}

/** BF16 bits to float32. */
export function bf16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return out;
}
