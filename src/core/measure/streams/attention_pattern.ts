/**
 * Statistics of a head's attention pattern and the queries that count; `kernels/attention_stats.ts` has their formulas.
 *
 * The attention sink as published (Gu et al., arXiv 2410.10781) is a share of heads, not of mass. The score of key k in one head is
 * α_k = 1/(T − k + 1) Σ_{i ≥ k} A_ik. Every query counts for the first key, so α_1 is the mean over all T queries of the share
 * on it; the first query, which sees no other key, gives it 1. It falls with T: published rates are at T = 64, without BOS,
 * with ε = 0.3.
 */

/** The seven statistics of a pattern, in the order in which kernels write them. */
export const PATTERN_NAMES = [
  ...["entropy", "normalizedEntropy", "firstShare", "effectiveKeys"] as const,
  ...["top16Mass", "belowOnePercent", "meanDistance"] as const,
] as const;
export type PatternName = typeof PATTERN_NAMES[number];

/** Positions of every s-th of T queries: the middle of every s, so that their mean position is that of all. */
export function queryPositions(tokens: number, stride: number): number[] {
  const first = Math.min(Math.floor(stride / 2), tokens - 1);
  return Array.from({ length: Math.ceil((tokens - first) / stride) }, (_, i) => first + stride * i);
}

/**
 * Share of the scores above ε. `scores` are the α_1 of every head of every layer in every text. Throws `RangeError` if there is none.
 */
export function sinkRate(scores: readonly number[], epsilon = 0.3): number {
  if (scores.length === 0) {
    throw new RangeError("Cannot compute a sink rate: found no heads, expected at least one");
  }
  return scores.filter((score) => score > epsilon).length / scores.length;
}
