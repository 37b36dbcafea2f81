/**
 * How unevenly a softmax over random logits weighs its keys.
 *
 * t logits, independent and normal of variance τ², give weights A_j = w_j / Σ w with w = e^{τ g}. Then t E Σ A_j² is 1 where
 * τ = 0, and grows to t, all weight on one key. Since 1/S² = ∫ λ e^{−λS} dλ, it is one integral of the Laplace transform
 * φ(λ) = E e^{−λw}:
 *
 *     t E Σ A_j² = t² ∫ λ φ″(λ) φ(λ)^{t−1} dλ
 *
 * For t → ∞ it tends to e^{τ²}; at τ² = 2.7, which a Llama-2-7B has at first, 256 keys reach two thirds of that.
 *
 * Limits: relative error 1e-2 (numbers between nodes are interpolated); above τ² = 100 it stays as at 100.
 */

/** Nodes in an octave of τ²; below the least of them the sum is linear in τ², above the greatest it stays. */
const NODES = 4;
const [LEAST, MOST] = [2 ** -7, 100];
/** Ends and steps of the integrals over g and over ln λ. */
const [END, STEP, LOG_STEP] = [8, 0.05, 0.1];

const tables = new Map<number, Float64Array>();

/** t E Σ A² of t ≤ `most` keys whose logits have the variance given; values of one `most` share their tables. */
export function keyWeight(variance: number, keys: number, most: number): number {
  if (variance < LEAST) return 1 + variance * (1 - 1 / keys);
  const place = NODES * Math.log2(Math.min(variance, MOST) / LEAST);
  const [node, share] = [Math.floor(place), place % 1];
  const [low, high] = [table(node, most)[keys], table(node + 1, most)[keys]];
  return low + (high - low) * share;
}

/** By number of keys 1 … `most`, at one node. */
function table(node: number, most: number): Float64Array {
  const key = node + most * 1000;
  let found = tables.get(key);
  if (!found) tables.set(key, found = integrate(LEAST * 2 ** (node / NODES), most));
  return found;
}

function integrate(variance: number, most: number): Float64Array {
  const tau = Math.sqrt(variance);
  const points = Array.from({ length: 2 * END / STEP + 1 }, (_, i) => {
    const g = i * STEP - END;
    return { w: Math.exp(tau * g), share: Math.exp(-g * g / 2) * STEP / Math.sqrt(2 * Math.PI) };
  });
  const sums = new Float64Array(most + 1);
  for (let log = -Math.log(most) - 3 - END * tau; log < END * tau + 4; log += LOG_STEP) {
    const lambda = Math.exp(log);
    let [transform, second] = [0, 0];
    for (const { w, share } of points) {
      const value = share * Math.exp(-lambda * w);
      transform += value;
      second += w * w * value;
    }
    let rest = lambda ** 2 * second * LOG_STEP; // dλ = λ d ln λ
    for (let t = 1; t <= most && rest > 0; t++, rest *= transform) sums[t] += t * t * rest;
  }
  return sums;
}
