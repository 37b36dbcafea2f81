/**
 * The standard normal distribution as 65536 whole numbers.
 *
 * Entry i is the quantile at the middle of the i-th of 65536 equal slices of probability, Φ⁻¹((i + ½) / 65536), stretched by
 * a common factor so that the table's variance is 1 (the middles of the two outer slices lose 2e-5 of it), times 2^21,
 * rounded. The largest, 4.33 × 2^21, is below 2^24: each entry is a float32 exactly, so that converting it needs no
 * rounding rule, which WGSL leaves open. The table is antisymmetric: its mean is exactly 0.
 *
 * Everything is +, −, ×, ÷ and √ on doubles in a fixed order, which IEEE 754 defines to the last bit. `Math.log` is not:
 * engines differ, so the logarithm is a series here.
 *
 * Source: M. J. Wichura, Algorithm AS 241, Applied Statistics 37 (1988), PPND16, relative accuracy 1e-16.
 * Limits: no value is beyond ±4.33, and there are 65536 values; the fourth moment is 2.9992 instead of 3.
 */

export const TABLE_SIZE = 65536;
/** What one unit of an entry is worth before scaling: a power of two. */
export const TABLE_UNIT = 2 ** -21;

const coefficients = (text: string) => text.split(/\s+/).map(Number);

// AS 241: numerator and denominator, lowest power first, near the middle (in ¼ × 0.85² − q²) …
const MIDDLE = [
  `3.3871328727963666080 1.3314166789178437745e2 1.9715909503065514427e3 1.3731693765509461125e4
    4.5921953931549871457e4 6.7265770927008700853e4 3.3430575583588128105e4 2.5090809287301226727e3`,
  `1 4.2313330701600911252e1 6.8718700749205790830e2 5.3941960214247511077e3
    2.1213794301586595867e4 3.9307895800092710610e4 2.8729085735721942674e4 5.2264952788528545610e3`,
].map(coefficients);

// … and in the tail (in √(−ln p) − 1.6), good down to p = e⁻²⁵; the table's smallest p is e⁻¹².
const TAIL = [
  `1.42343711074968357734 4.63033784615654529590 5.76949722146069140550 3.64784832476320460504
    1.27045825245236838258 2.41780725177450611770e-1 2.27238449892691845833e-2 7.74545014278341407640e-4`,
  `1 2.05319162663775882187 1.67638483018380384940 6.89767334985100004550e-1
    1.48103976427480074590e-1 1.51986665636164571966e-2 5.47593808499534494600e-4 1.05075007164441684324e-9`,
].map(coefficients);

const LN2 = 0.6931471805599453;

let table: Int32Array | undefined;

/** The table `[65536]`, ascending, in units of 2^-21; built once and shared: do not write to it. */
export const normalTable = (): Int32Array => table ??= build();

function build(): Int32Array {
  const half = TABLE_SIZE / 2;
  const upper = Float64Array.from({ length: half }, (_, i) => upperQuantile((i + 0.5) / TABLE_SIZE));
  let squares = 0;
  for (const value of upper) squares += value * value;
  const unit = 1 / (Math.sqrt(squares / half) * TABLE_UNIT);
  const entries = new Int32Array(TABLE_SIZE);
  for (let i = 0; i < half; i++) {
    const value = Math.floor(upper[i] * unit + 0.5);
    entries[half + i] = value;
    entries[half - 1 - i] = -value;
  }
  return entries;
}

/** Φ⁻¹(½ + q) for 0 < q < ½. */
function upperQuantile(q: number): number {
  if (q <= 0.425) return q * ratio(MIDDLE, 0.180625 - q * q);
  return ratio(TAIL, Math.sqrt(-logarithm(0.5 - q)) - 1.6);
}

function ratio([numerator, denominator]: number[][], x: number): number {
  return horner(numerator, x) / horner(denominator, x);
}

function horner(coefficients: number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

/** ln x for 0 < x < 1: doubled to [½, 1), then 2 artanh((x − 1)/(x + 1)), whose terms fall by 9 at least. */
function logarithm(x: number): number {
  let doublings = 0;
  for (; x < 0.5; x *= 2) doublings++;
  const s = (x - 1) / (x + 1);
  let series = 0;
  for (let n = 39; n > 0; n -= 2) series = series * s * s + 1 / n;
  return 2 * s * series - doublings * LN2;
}
