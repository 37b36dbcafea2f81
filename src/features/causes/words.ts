import { correlates } from "core/measure/mod.ts";
import type { CauseCorrelation, Causes } from "./result.ts";
import type { Sign } from "core/result/mod.ts";
import { expect, like } from "core/entry/mod.ts";
import { aChoice, type IntervalWords } from "core/show/words/verdicts.ts";

/** Which way a cause correlates with importance, as far as the interval says. */
function correlationSign(
  { rank, layers, low, high }: Pick<CauseCorrelation, "rank" | "layers" | "low" | "high">,
): Sign {
  if (!correlates(rank, layers, low === null || high === null ? null : [low, high])) return 0;
  return rank! > 0 ? 1 : -1;
}

/** Of correlations, those that the interval tells from 0. */
export const told = (all: readonly CauseCorrelation[]): CauseCorrelation[] =>
  all.filter((one) => correlationSign(one) !== 0);

const aCorrelation = like("a correlation of a study of causes", (value) => {
  const { rank, layers } = (value ?? {}) as { rank?: unknown; layers?: unknown };
  return (rank === null || Number.isFinite(rank)) && Number.isSafeInteger(layers);
});

/**
 * Chooses words by a rank correlation of a study of causes. Two identical orders have no interval: five layers or more correlate
 * then, fewer are neither.
 *
 * @example
 * ```ts
 * import { correlationWords } from "lamina/figures";
 *
 * const found = { rank: -0.45, layers: 30, low: -0.71, high: -0.09 };
 * console.log(correlationWords(found, { below: "falls", above: "rises", neither: "may rise or fall" }));
 * ```
 */
export function correlationWords(
  found: Pick<Causes["correlations"][number], "rank" | "layers" | "low" | "high">,
  words: IntervalWords,
): string {
  expect("choose words", "the correlation", found, aCorrelation);
  expect("choose words", "the choice", words, aChoice);
  const { below, above, neither = "cannot be told from 0" } = words;
  return { [-1]: below, 1: above, 0: neither }[correlationSign(found)];
}
