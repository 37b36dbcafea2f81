/** How far plans move later updates: from sums to means, and whether the moves order plans by their loss. */
import { eachOf, expect, list, resultOf, sum } from "../../entry/mod.ts";
import { MODULES, rankAgreement, ratio95, type RatioPart } from "../../measure/mod.ts";
import type { Ends } from "./intervals.ts";
import { correlationSign, type Sign } from "./signs.ts";
import type { Effects, Perplexity } from "../forms/perplexity.ts";

const SIDES = ["along", "across"] as const;

/** The means of effects; `quality` are the sums of the plan's own losses. */
export function effectsOf(
  of: Effects["of"],
  sums: Effects["sums"],
  quality: Perplexity["sums"],
): Effects {
  const partOf = (side: typeof SIDES[number], moves: Effects["sums"][number]["mlp"]): RatioPart => ({
    over: sum(moves, (own) => own?.[side] ?? 0),
    under: sum(moves, (own) => own?.counted ?? 0),
  });
  return {
    of,
    rise: ratio95(sums.map(({ nll }, i) => ({ over: quality[i].nll - nll, under: quality[i].tokens }))),
    ...eachOf(
      SIDES,
      (side) => ratio95(sums.map(({ attention, mlp }) => partOf(side, [...attention, ...mlp]))),
    ),
    ...eachOf(
      MODULES,
      (kind) =>
        eachOf(
          SIDES,
          (side) => sums[0][kind].map((_, l) => ratio95(sums.map((own) => partOf(side, [own[kind][l]])))),
        ),
    ),
    sums,
  };
}

/**
 * Whether the moves of later updates order plans by the rise of their loss: Spearman's correlation over plans with its 95 % interval, of the
 * moves along the stream and of those across it. Plans without effects, and those that move nothing, are left out.
 *
 * @example
 * ```ts
 * import { perplexities } from "lamina";
 * import { effectsOrder } from "lamina/figures";
 *
 * const plans = [{ attention: [1] }, { attention: [2] }, { mlp: [1] }, { mlp: [2] }];
 * const runs = await perplexities("data/series/pre-ln/step04096", plans, { effects: true, text: "README.md", samples: 2, length: 32 });
 * console.log(effectsOrder(runs).across.rank);
 * ```
 */
export function effectsOrder(
  results: readonly Perplexity[],
): Record<"along" | "across", Ends & { rank: number | null; count: number; sign: Sign }> {
  expect("order plans", "results", results, list(resultOf("perplexity"), "results"));
  const all = results.flatMap(({ effects }) =>
    effects?.across && effects.along && effects.rise ? [effects] : []
  );
  const rises = all.map(({ rise }) => rise!.value);
  return eachOf(SIDES, (side) => {
    const found = rankAgreement(all.map((own) => own[side]!.value), rises);
    return { ...found, sign: correlationSign({ ...found, layers: found.count }) };
  });
}
