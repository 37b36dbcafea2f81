/**
 * The attention sink as published (Gu et al., arXiv 2410.10781): a share of heads, not of mass.
 *
 * Of key k in one head, α_k = 1/(T − k + 1) Σ_{i ≥ k} A_ik. For the first key every query counts, so α_1 is the mean over all T
 * queries of the share that each gives it; the first query, which sees no other key, gives it 1. It falls with T: published rates are
 * at T = 64, without BOS, with ε = 0.3.
 */

/**
 * Share of the scores above ε. `scores` are the α_1 of every head of every layer in every text. Throws `RangeError` if there is none.
 */
export function sinkRate(scores: readonly number[], epsilon = 0.3): number {
  if (scores.length === 0) {
    throw new RangeError("Cannot compute a sink rate: found no heads, expected at least one");
  }
  return scores.filter((score) => score > epsilon).length / scores.length;
}
