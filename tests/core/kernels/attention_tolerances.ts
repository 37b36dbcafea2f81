/** How far the statistics of attention that the kernel makes may be from the plain reference. */
import { type AttentionInput, attentionScores } from "core/kernels/mod.ts";
import { absolute } from "../run/attention_tolerances.ts";
import { u } from "./devices.ts";

/**
 * Tolerances of one row's statistics, from what float32 and WGSL promise.
 *
 * A score is off by at most δ: E roundings of Σ|q||k|·scale, two of the score, and with a soft cap 16 of the cap (an
 * exponential, a division, a subtraction). A weight e^(s − max) is then off by the factor 1 ± r: 2δ, the promised 3 + 2|x| ulp
 * of exp(x), and the additions (64 in a tile, T/64 tiles). Ratios of sums double that. Weights below the smallest normal
 * float32 may be flushed to zero (at most T of them, each times a distance below T). The logarithm is promised to 2⁻²¹ and 3 ulp.
 */
export function tolerances(
  input: AttentionInput,
  h: number,
  t: number,
): Record<string, (value: number) => number> {
  const scores = attentionScores(input, h, t);
  const largest = Math.max(...scores);
  const size = Math.max(...attentionScores(absolute(input), h, t));
  const delta = (input.size + 2) * u * size + 16 * u * (input.softcap ?? 0);
  const depth = largest - Math.min(...scores);
  const r = 2 * delta + 2 * u * (3 + 2 * depth) + u * (64 + input.tokens / 64 + 8);
  const ratio = (value: number) => 2.1 * r * value + input.tokens ** 2 * 2 ** -126;
  const near = scores.filter((s) => Math.abs(s - largest - Math.log(0.01)) <= 2 * delta + u * depth).length;
  const n = scores.length;
  const entropy = (value: number) => 3 * r * (1 + value) + 2 * delta + 2 ** -21 + 6 * u * Math.log(n);
  return {
    entropy,
    normalizedEntropy: (value) => n > 1 ? entropy(value * Math.log(n)) / Math.log(n) + 16 * u * value : 0,
    firstShare: ratio,
    effectiveKeys: (value) => 2.1 * ratio(value),
    top16Mass: ratio,
    belowOnePercent: (value) => near / n + 4 * u * value,
    meanDistance: ratio,
  };
}
