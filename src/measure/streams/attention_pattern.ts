/** What is said of a head's attention pattern, and of which queries; how each number is had stands in `kernels/attention_stats.ts`. */

/** The seven statistics of a pattern, in the order in which kernels write them. */
export const PATTERN_NAMES = [
  "entropy",
  "normalizedEntropy",
  "firstShare",
  "effectiveKeys",
  "top16Mass",
  "belowOnePercent",
  "meanDistance",
] as const;
export type PatternName = typeof PATTERN_NAMES[number];

/** Positions of every s-th of T queries: the middle of every s, so that their mean position is that of all. */
export function queryPositions(tokens: number, stride: number): number[] {
  const first = Math.min(Math.floor(stride / 2), tokens - 1);
  return Array.from({ length: Math.ceil((tokens - first) / stride) }, (_, i) => first + stride * i);
}
