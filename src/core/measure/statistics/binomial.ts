/** The incomplete beta function, and chances of a number of successes in independent trials; float64, to about 1e-11 for some ten thousand trials. */

/** Lanczos' coefficients for g = 7, to 1e-15 (Godfrey's table). */
const LANCZOS = [
  676.5203681218851,
  -1259.1392167224028,
  771.32342877765313,
  -176.61502916214059,
  12.507343278686905,
  -0.13857109526572012,
  9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** ln Γ(x), for x of at least ½. */
function logGamma(x: number): number {
  const series = LANCZOS.reduce((sum, c, i) => sum + c / (x + i), 0.99999999999980993);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series);
}

const logChoose = (n: number, k: number) =>
  k === 0 || k === n ? 0 : logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/** x log y, which is 0 for no x whatever y is. */
const times = (x: number, log: number) => x === 0 ? 0 : x * log;

export function binomialShare(k: number, n: number, chance: number): number {
  return Math.exp(logChoose(n, k) + times(k, Math.log(chance)) + times(n - k, Math.log1p(-chance)));
}

export function binomialTail(k: number, n: number, chance: number): number {
  if (k <= 0) return 1;
  if (k > n || chance <= 0) return 0;
  if (chance >= 1) return 1;
  return incompleteBeta(chance, k, n - k + 1);
}

/** I_x(a, b), the regularised incomplete beta function, for x within 0 and 1 and a and b of at least ½. */
export function incompleteBeta(x: number, a: number, b: number): number {
  const n = a + b - 1;
  // The fraction converges fast below the mean; above it, the other tail has it.
  const first = binomialShare(a, n, x) * (1 - x); // x^a (1 − x)^b / (a B(a, b))
  if (x < (a + 1) / (a + b + 2)) return first * fraction(x, a, b);
  return 1 - binomialShare(a - 1, n, x) * x * fraction(1 - x, b, a);
}

/** The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz' method. */
function fraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / apart(1 - (a + b) * x / (a + 1));
  let product = d;
  for (let m = 1; m < 10_000; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / apart(1 + even * d);
    c = apart(1 + even / c);
    product *= c * d;
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + odd * d);
    c = apart(1 + odd / c);
    product *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return product;
}

/** A divisor that is not 0. */
const apart = (value: number) => Math.abs(value) < 1e-300 ? 1e-300 : value;
