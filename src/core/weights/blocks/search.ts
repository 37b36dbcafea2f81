/**
 * llama.cpp's search for the scale and the offset of a block of 32 numbers: those of about twenty or forty candidates whose squared errors,
 * weighed by the importance of their columns, are least (`make_qx_quants` and `make_qkx3_quants` of ggml-quants.c).
 *
 * Every sum, product and quotient is rounded to float32, as there, and sums are taken in the same order: the blocks are the same bytes.
 */
const { fround, sqrt } = Math;

/** What was found for a block. */
export const found = { quants: new Uint8Array(32), scale: 0, offset: 0 };

/** Of a block: its weights, their products with its numbers, and the quants of a candidate. */
const weights = new Float32Array(32), products = new Float32Array(32), tried = new Float32Array(32);

/** Added to a number of less than `FAR`, it leaves the nearest whole one, of two the even one. */
const WHOLE = 1.5 * 2 ** 23, FAR = 2 ** 22;
const far = new Float32Array(1), bitsOfFar = new Int32Array(far.buffer);
const TENTH = fround(0.1), START = fround(-0.9), STEP = fround(0.05), NOTHING = fround(1e-15);

/** Weighs the block at `at`: importance · √(mean + x²). Gives the mean square of its row, which is `mean` but for a row's first block. */
export function weigh(
  x: Float32Array,
  at: number,
  columns: number,
  importance: Float32Array,
  mean: number,
): number {
  const column = at % columns;
  if (column === 0) {
    let sum = 0;
    for (let j = at; j < at + columns; j++) sum = fround(sum + fround(x[j] * x[j]));
    mean = fround(sum / columns);
  }
  for (let j = 0; j < 32; j++) {
    const number = x[at + j];
    weights[j] = importance[column + j] * fround(sqrt(fround(mean + fround(number * number))));
    products[j] = weights[j] * number;
  }
  return mean;
}

/** Without an offset: the scale; quants are from 0 to 2 · `levels` − 1, and `levels` means 0. */
export function scaleSearched(x: Float32Array, at: number, levels: number): number {
  const { quants } = found;
  let furthest = 0, most = 0;
  for (let j = at; j < at + 32; j++) {
    if (Math.abs(x[j]) > most) {
      furthest = x[j];
      most = Math.abs(furthest);
    }
  }
  if (most < NOTHING) {
    quants.fill(0);
    return 0;
  }
  let scale = 0, best = 0;
  for (let n = -10; n <= 9; n++) { // first the plain scale
    const step = n === -10 ? 0 : n;
    if (n === 0) continue;
    const inverse = fround(-fround(levels + fround(TENTH * step)) / furthest);
    let sumX = 0, sum2 = 0;
    for (let j = 0; j < 32; j++) {
      const quant = clamped(fround(inverse * x[at + j]), -levels, levels - 1);
      sumX = fround(sumX + fround(products[j] * quant));
      sum2 = fround(sum2 + fround(fround(weights[j] * quant) * quant));
    }
    const isFirst = n === -10;
    if (!isFirst && !(sum2 > 0 && fround(sumX * sumX) > fround(best * sum2))) continue;
    for (let j = 0; j < 32; j++) {
      quants[j] = clamped(fround(inverse * x[at + j]), -levels, levels - 1) + levels;
    }
    scale = sum2 === 0 ? 0 : fround(sumX / sum2);
    best = fround(scale * sumX);
  }
  return scale;
}

/** With an offset that is at most 0: leaves both in `found`; quants are from 0 to `most`. */
export function searchOffset(x: Float32Array, at: number, most: number): void {
  const { quants } = found;
  let low = x[at], high = low, sum = weights[0], sumX = products[0];
  for (let j = 1; j < 32; j++) {
    const number = x[at + j];
    if (number < low) low = number;
    if (number > high) high = number;
    sum = fround(sum + weights[j]);
    sumX = fround(sumX + products[j]);
  }
  if (low > 0) low = 0;
  found.offset = low;
  found.scale = 0;
  quants.fill(0);
  if (high <= low) return;
  let best = Infinity;
  for (let n = -1; n <= 36; n++) { // first the extremes themselves
    const least = found.offset;
    const step = n === -1 ? most : fround(fround(START + fround(STEP * n)) + most);
    const inverse = fround(step / fround(high - least));
    let sumQ = 0, sumQ2 = 0, sumQX = 0;
    for (let j = 0; j < 32; j++) {
      const quant = clamped(fround(inverse * fround(x[at + j] - least)), 0, most);
      const weighed = fround(weights[j] * quant);
      sumQ = fround(sumQ + weighed);
      sumQ2 = fround(sumQ2 + fround(weighed * quant));
      sumQX = fround(sumQX + fround(weighed * x[at + j]));
      tried[j] = quant;
    }
    let scale = fround(1 / inverse), offset = least;
    if (n >= 0) {
      const determinant = fround(fround(sum * sumQ2) - fround(sumQ * sumQ));
      if (!(determinant > 0)) continue;
      scale = fround(fround(fround(sum * sumQX) - fround(sumX * sumQ)) / determinant);
      offset = fround(fround(fround(sumQ2 * sumX) - fround(sumQ * sumQX)) / determinant);
      if (offset > 0) {
        offset = 0;
        scale = fround(sumQX / sumQ2);
      }
    }
    let error = 0;
    for (let j = 0; j < 32 && error < best; j++) {
      const off = fround(fround(fround(scale * tried[j]) + offset) - x[at + j]);
      error = fround(error + fround(weights[j] * fround(off * off)));
    }
    if (n >= 0 && !(error < best)) continue;
    quants.set(tried);
    best = error;
    found.scale = scale;
    found.offset = offset;
  }
}

/** The nearest whole number within a range; what `nearest_int` makes of one that is too far, which a search that went astray tries. */
function clamped(value: number, least: number, most: number): number {
  let whole = fround(value + WHOLE) - WHOLE;
  if (!(Math.abs(value) < FAR)) {
    far[0] = value + WHOLE;
    whole = (bitsOfFar[0] & 0x7fffff) - FAR;
  }
  return whole < least ? least : whole > most ? most : whole;
}
