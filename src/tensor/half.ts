/**
 * Half-precision formats to and from float32.
 *
 * Widening is exact; narrowing rounds to nearest, ties to even, as IEEE 754 and PyTorch do. F16 is
 * JavaScript's own `Float16Array`; BF16, which has none, is the upper half of the float32's bits.
 */

/** F16 bits to float32. */
export function f16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array {
  out.set(new Float16Array(bits.buffer as ArrayBuffer, bits.byteOffset, bits.length));
  return out;
}

/** Float32 to F16 bits; overflow becomes infinity. */
export function f32ToF16(values: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(values).buffer);
}

/** BF16 bits to float32. */
export function bf16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return out;
}

/** Float32 to BF16 bits; NaN stays NaN. */
export function f32ToBf16(values: Float32Array, out = new Uint16Array(values.length)): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    out[i] = (word & 0x7fffffff) > 0x7f800000
      ? (word >>> 16) | 0x40
      : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}
