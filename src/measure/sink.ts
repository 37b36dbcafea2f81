/**
 * The attention sink as it was published (Gu et al., arXiv 2410.10781): a share of heads, not of mass.
 *
 * Of key k in one head, α_k = 1/(T − k + 1) Σ_{i ≥ k} A_ik. For the first key every query counts, so α_1 is the mean over
 * queries of the share that each gives it. It falls with T: published rates are at T = 64, without BOS, with ε = 0.3.
 */

/**
 * Share of heads with α_1 > ε. `firstShares` has, by layer and sample, the shares that the first key gets [heads, queries]
 * of every query. Throws `RangeError` where there is no head to count.
 */
export function sinkRate(firstShares: readonly ArrayLike<number>[], heads: number, epsilon = 0.3): number {
  let sinks = 0;
  for (const shares of firstShares) {
    const queries = shares.length / heads;
    for (let head = 0; head < heads; head++) {
      let sum = 0;
      for (let query = 0; query < queries; query++) sum += shares[head * queries + query];
      if (sum / queries > epsilon) sinks++;
    }
  }
  if (firstShares.length === 0 || heads < 1) {
    throw new RangeError(`Cannot take a sink rate of ${firstShares.length} × ${heads} heads, expected some`);
  }
  return sinks / (firstShares.length * heads);
}
