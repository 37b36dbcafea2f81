/**
 * llama.cpp's roundings to blocks whose quants are indices of a table: IQ4_NL (`quantize_row_iq4_nl_impl` of ggml-quants.c) and MXFP4
 * (`quantize_row_mxfp4_ref`). Arithmetic is float32 in the same order as there: the blocks are the same bytes.
 */
import { E2M1, NON_LINEAR } from "./repack.ts";
import { found } from "./search.ts";

const { fround, sqrt } = Math;
const { quants } = found;

/** A block's weights, and its numbers. */
const weights = new Float32Array(32), block = new Float32Array(32);

/** Index of the nearest value of IQ4_NL for each half from −128 on: the middles between its values are whole halves. */
const nearest = Uint8Array.from(
  { length: 512 },
  (_, i) => NON_LINEAR.slice(1).filter((value, j) => value + NON_LINEAR[j] <= i - 256).length,
);
const index = (value: number): number =>
  value <= -127 ? 0 : value >= 113 ? 15 : nearest[(value + 128) * 2 | 0];

/** Numbers below this are 0. */
const NOTHING = fround(1e-15);
const TRIES = 7;

/** IQ4_NL's scale of the 32 numbers from `at` on; leaves their quants in `found`. `importance` is that of the columns from `column` on. */
export function scaleNonLinear(
  x: Float32Array,
  at: number,
  importance: Float32Array | null,
  column: number,
): number {
  let furthest = 0, most = 0, squares = 0;
  for (let j = 0; j < 32; j++) {
    const number = block[j] = x[at + j];
    squares = fround(squares + fround(number * number));
    if (Math.abs(number) > most) {
      furthest = number;
      most = Math.abs(number);
    }
  }
  if (most < NOTHING) {
    quants.fill(index(0));
    return 0;
  }
  const mean = fround(squares / 16); // twice the mean square
  for (let j = 0; j < 32; j++) {
    const square = fround(block[j] * block[j]);
    weights[j] = importance ? importance[column + j] * fround(sqrt(fround(mean + square))) : square;
  }
  const scale = searchScale(furthest);
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  for (let j = 0; j < 32; j++) quants[j] = index(fround(inverse * block[j]));
  return scale;
}

/** The scale of `block` with the least weighed squared error, of those that take its furthest number near an end of the range. */
function searchScale(furthest: number): number {
  let scale = 0, best = 0;
  for (let n = -TRIES - 1; n <= TRIES; n++) { // first with the furthest number beyond the upper end
    const isFirst = n < -TRIES;
    const inverse = isFirst ? fround(1 / fround(-furthest / -127)) : fround((n - 127) / furthest);
    let sumX = 0, sum2 = 0;
    for (let j = 0; j < 32; j++) {
      const number = block[j], quant = NON_LINEAR[index(fround(inverse * number))];
      const weighed = fround(weights[j] * quant);
      sumX = fround(sumX + fround(weighed * number));
      sum2 = fround(sum2 + fround(weighed * quant));
    }
    if (!isFirst && !(sum2 > 0 && fround(sumX * sumX) > fround(best * sum2))) continue;
    scale = sum2 > 0 ? fround(sumX / sum2) : 0; // 0 where no column has importance
    best = fround(scale * sumX);
  }
  return scale;
}

/** Index of the nearest magnitude of E2M1, of two the smaller one, for each half from 0 on. */
const magnitude = Uint8Array.from(
  { length: 33 },
  (_, half) => E2M1.slice(1, 8).filter((value, i) => value + E2M1[i] < half).length,
);

/** MXFP4's byte of exponent of the 32 numbers from `at` on; leaves their quants in `found`. */
export function exponentOf(x: Float32Array, at: number): number {
  let most = 0;
  for (let j = at; j < at + 32; j++) most = Math.max(most, Math.abs(x[j]));
  const exponent = most > 0 ? Math.floor(fround(Math.log2(most))) + 125 & 255 : 0;
  const halves = 2 ** (129 - exponent);
  for (let j = 0; j < 32; j++) {
    const number = x[at + j];
    const quant = magnitude[Math.min(Math.ceil(Math.abs(number) * halves), 32)];
    quants[j] = number < 0 && quant > 0 ? quant + 8 : quant;
  }
  return exponent;
}
