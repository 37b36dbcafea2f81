/**
 * GGML's quantised blocks to float32, number by number: the plain reference of the repacking. It equals Python `gguf` bit for bit.
 *
 * A block of 32 (or a super-block of 256) values shares float16 scales: value = scale · q, or scale · q + offset. Products are exact in
 * float32: 11 significant bits of the float16 scale, at most 8 of a sub-scale and 6 of q (7 of a table's value). A sum with an offset is
 * exact in float64, so that the store to a `Float32Array` rounds once, as NumPy's float32 addition does.
 *
 * Layouts: ggml-common.h of llama.cpp. Nibbles: the low halves of a run of bytes are its first values, the high halves its last.
 */
import { half, subMin, subScale } from "../../src/weights/blocks/repack4.ts";

type Decode = (source: Uint8Array<ArrayBuffer>, out: Float32Array) => void;

/** d f16 · 16 bytes of nibbles; value = d · (q − 8). */
function q4_0(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 18, o += 32) {
    const d = half[source[b] | source[b + 1] << 8];
    for (let j = 0; j < 16; j++) {
      const byte = source[b + 2 + j];
      out[o + j] = d * ((byte & 15) - 8);
      out[o + j + 16] = d * ((byte >> 4) - 8);
    }
  }
}

/** d f16 · m f16 · 16 bytes of nibbles; value = d · q + m. */
function q4_1(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 20, o += 32) {
    const d = half[source[b] | source[b + 1] << 8];
    const m = half[source[b + 2] | source[b + 3] << 8];
    for (let j = 0; j < 16; j++) {
      const byte = source[b + 4 + j];
      out[o + j] = d * (byte & 15) + m;
      out[o + j + 16] = d * (byte >> 4) + m;
    }
  }
}

/** d f16 · m f16 only if `least` is 0 · 32 fifth bits · 16 bytes of nibbles; value = d · (q − least) + m. */
function fifthBits(least: number): Decode {
  const head = least === 0 ? 8 : 6;
  return (source, out) => {
    for (let b = 0, o = 0; b < source.length; b += head + 16, o += 32) {
      const d = half[source[b] | source[b + 1] << 8];
      const m = least === 0 ? half[source[b + 2] | source[b + 3] << 8] : -0; // a zero keeps its sign
      const high = word(source, b + head - 4);
      for (let j = 0; j < 16; j++) {
        const byte = source[b + head + j];
        out[o + j] = d * ((byte & 15 | (high >>> j & 1) << 4) - least) + m;
        out[o + j + 16] = d * ((byte >> 4 | (high >>> j + 16 & 1) << 4) - least) + m;
      }
    }
  };
}

const q5_0: Decode = fifthBits(16);
const q5_1: Decode = fifthBits(0);

/** d f16 · 32 signed bytes; value = d · q. */
function q8_0(source: Uint8Array, out: Float32Array): void {
  const signed = new Int8Array(source.buffer, source.byteOffset, source.length);
  for (let b = 0, o = 0; b < source.length; b += 34, o += 32) {
    const d = half[source[b] | source[b + 1] << 8];
    for (let j = 0; j < 32; j++) out[o + j] = d * signed[b + 2 + j];
  }
}

/** 16 bytes of scale (low half) and minimum · 64 of bit pairs · d f16 · dmin f16; value = d · scale · q − dmin · min, per 16. */
function q2_k(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 84) {
    const d = half[source[b + 80] | source[b + 81] << 8];
    const dmin = half[source[b + 82] | source[b + 83] << 8];
    for (let i = 0; i < 16; i++, o += 16) { // 128 values: 32 bytes, each two bits of them 32 in a row
      const scale = d * (source[b + i] & 15), least = dmin * (source[b + i] >> 4);
      const pairs = b + 16 + 32 * (i >> 3) + 16 * (i & 1), shift = i & 6;
      for (let j = 0; j < 16; j++) out[o + j] = scale * (source[pairs + j] >> shift & 3) - least;
    }
  }
}

/** 32 bytes of third bits · 64 of bit pairs · 12 of scales · d f16; value = d · (scale − 32) · (q − 4), per 16. */
function q3_k(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 110) {
    const d = half[source[b + 108] | source[b + 109] << 8];
    for (let i = 0; i < 16; i++, o += 16) {
      const low = source[b + 96 + (i & 7)] >> 4 * (i >> 3) & 15,
        high = source[b + 104 + (i & 3)] >> 2 * (i >> 2) & 3;
      const scale = d * ((low | high << 4) - 32);
      const thirds = b + 16 * (i & 1), pairs = b + 32 + 32 * (i >> 3) + 16 * (i & 1), shift = i & 6;
      for (let j = 0; j < 16; j++) {
        const q = source[pairs + j] >> shift & 3 | (source[thirds + j] >> (i >> 1) & 1) << 2;
        out[o + j] = scale * (q - 4);
      }
    }
  }
}

/**
 * d f16 · dmin f16 · 12 bytes of sub-scales · in Q5_K 32 bytes · 128 of nibbles; value = d · scale · q − dmin · min, per 32 values. Bit i of
 * byte j of the 32 is the fifth bit of value j of sub-block i.
 */
const q45_k = (hasFifths: boolean) => (source: Uint8Array, out: Float32Array): void => {
  for (let b = 0, o = 0; b < source.length; b += hasFifths ? 176 : 144) {
    const d = half[source[b] | source[b + 1] << 8];
    const dmin = half[source[b + 2] | source[b + 3] << 8];
    for (let pair = 0; pair < 4; pair++, o += 64) {
      const low = d * subScale(source, b + 4, 2 * pair), lowMin = dmin * subMin(source, b + 4, 2 * pair);
      const high = d * subScale(source, b + 4, 2 * pair + 1),
        highMin = dmin * subMin(source, b + 4, 2 * pair + 1);
      const nibbles = b + (hasFifths ? 48 : 16) + 32 * pair;
      for (let j = 0; j < 32; j++) {
        const byte = source[nibbles + j], fifth = hasFifths ? source[b + 16 + j] >> 2 * pair : 0;
        out[o + j] = low * (byte & 15 | (fifth & 1) << 4) - lowMin;
        out[o + j + 32] = high * (byte >> 4 | (fifth & 2) << 3) - highMin;
      }
    }
  }
};

/** 128 bytes of nibbles · 64 of upper bit pairs · 16 signed scales · d f16; value = d · scale · (q − 32), per 16 values. */
function q6_k(source: Uint8Array, out: Float32Array): void {
  const signed = new Int8Array(source.buffer, source.byteOffset, source.length);
  for (let b = 0, o = 0; b < source.length; b += 210) {
    const d = half[source[b + 208] | source[b + 209] << 8];
    for (let part = 0; part < 2; part++, o += 128) { // 128 values: 64 bytes of nibbles, 32 of pairs, 8 scales
      const nibbles = b + 64 * part, pairs = b + 128 + 32 * part;
      for (let run = 0; run < 2; run++) {
        const scales = b + 192 + 8 * part + run;
        const s0 = d * signed[scales], s1 = d * signed[scales + 2];
        const s2 = d * signed[scales + 4], s3 = d * signed[scales + 6];
        for (let j = 16 * run; j < 16 * run + 16; j++) {
          const near = source[nibbles + j], far = source[nibbles + 32 + j], two = source[pairs + j];
          out[o + j] = s0 * ((near & 15 | (two & 3) << 4) - 32);
          out[o + j + 32] = s1 * ((far & 15 | (two & 12) << 2) - 32);
          out[o + j + 64] = s2 * ((near >> 4 | two & 48) - 32);
          out[o + j + 96] = s3 * ((far >> 4 | (two & 192) >> 2) - 32);
        }
      }
    }
  }
}

function word(source: Uint8Array, at: number): number {
  return source[at] | source[at + 1] << 8 | source[at + 2] << 16 | source[at + 3] << 24;
}

/** Values of IQ4_NL and IQ4_XS, closer together around zero. */
const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** Values of a float of 4 bits (sign, two of exponent, one of mantissa). */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** d f16 · 16 bytes of indices; value = d · table. */
function iq4_nl(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 18, o += 32) {
    const d = half[source[b] | source[b + 1] << 8];
    indexed(source, b + 2, NON_LINEAR, d, out, o);
  }
}

/** d f16 · 8 upper bit pairs of scales · 4 bytes of their nibbles · 128 of indices; value = d · (scale − 32) · table, per 32. */
function iq4_xs(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 136) {
    const d = half[source[b] | source[b + 1] << 8];
    const pairs = source[b + 2] | source[b + 3] << 8;
    for (let i = 0; i < 8; i++, o += 32) {
      const low = source[b + 4 + (i >> 1)] >> 4 * (i & 1) & 15;
      const scale = low | (pairs >> 2 * i & 3) << 4;
      indexed(source, b + 8 + 16 * i, NON_LINEAR, d * (scale - 32), out, o);
    }
  }
}

/** A byte of exponent · 16 bytes of indices; value = 2^(exponent − 127) · table. */
function mxfp4(source: Uint8Array, out: Float32Array): void {
  for (let b = 0, o = 0; b < source.length; b += 17, o += 32) {
    indexed(source, b + 1, E2M1, 2 ** (source[b] - 127), out, o);
  }
}

/** 32 values: the low halves of 16 bytes, then the high ones. */
function indexed(
  source: Uint8Array,
  at: number,
  table: readonly number[],
  scale: number,
  out: Float32Array,
  o: number,
): void {
  for (let j = 0; j < 16; j++) {
    const byte = source[at + j];
    out[o + j] = scale * table[byte & 15];
    out[o + j + 16] = scale * table[byte >> 4];
  }
}

/** The decoders by type. */
export const decoders: Readonly<Record<string, Decode>> = {
  Q4_0: q4_0,
  Q4_1: q4_1,
  Q5_0: q5_0,
  Q5_1: q5_1,
  Q8_0: q8_0,
  Q2_K: q2_k,
  Q3_K: q3_k,
  Q4_K: q45_k(false),
  Q5_K: q45_k(true),
  Q6_K: q6_k,
  IQ4_NL: iq4_nl,
  IQ4_XS: iq4_xs,
  MXFP4: mxfp4,
};
