/** What samples decide about several modules, steps or texts at once: verdicts that titles put into words. */
import { correlates, type ModuleKind, present, rankInterval } from "../../measure/mod.ts";
import type { Guide, Guides } from "../forms/order.ts";
import type { Checkpoints, Profile } from "../forms/profile.ts";
import { GUIDES, SCORES } from "../scores.ts";
import { byImportance, importanceSign, quarter, type RankedModule, type Sign } from "./signs.ts";
import { trendsOf } from "./trends.ts";

/**
 * The guides of a kind whose correlation is defined, highest first; the best of those that are known before a removal, and its rivals:
 * others whose intervals reach it. All are measured on the same modules, so intervals that overlap may still differ, and this errs on the
 * side of "cannot tell".
 */
export function rankedGuides({ guides }: Guides, kind: ModuleKind) {
  const known = guides.filter((guide): guide is Guide & { rank: number } =>
    guide.module === kind && guide.rank !== null
  ).sort((a, b) => b.rank - a.rank);
  const [best = known[0], ...others] = known.filter(({ by }) => !SCORES[GUIDES[by]].hindsight);
  const rivals = others.filter(({ high }) => best.low === null || high === null || high >= best.low);
  return { known, best, rivals };
}

/** Correlation that counts as the same ranking. */
export const SAME_RANKING = 0.8;

/** Whether an interval of a correlation lies above `SAME_RANKING` (1), below it (−1), or on both sides (0). */
function agreementSign(rank: number, layers: number): Sign {
  const interval = rankInterval(rank, layers);
  if (!interval) return correlates(rank, layers) && rank > 0 ? 1 : 0;
  return interval[0] > SAME_RANKING ? 1 : interval[1] < SAME_RANKING ? -1 : 0;
}

/**
 * The step from which on attention's ranking agrees with the last checkpoint's, null where that is not sure of any earlier one; and
 * whether some step cannot tell. Null without an earlier step.
 */
export function settledFrom(
  result: Checkpoints,
): { readonly step: number | null; readonly isOpen: boolean } | null {
  const layers = present(result.series.at(-1)!.attention.importance.slice(1)).length;
  const known = trendsOf(result, "attention").flatMap(({ step, withLast }) =>
    withLast === null ? [] : [{ step, sign: agreementSign(withLast, layers) }]
  );
  if (known.length === 0) return null;
  const from = known.findLastIndex(({ sign }) => sign < 1) + 1;
  return { step: known.at(from)?.step ?? null, isOpen: known.some(({ sign }) => sign === 0) };
}

/**
 * How many of the least important quarter all profiles share, and for how many of the others the samples cannot tell: wherever they are
 * not in the quarter, they do not differ from its last module.
 */
export function commonLowest(profiles: readonly Profile[], kind: ModuleKind) {
  const n = quarter(profiles[0].provenance.model.layers);
  const lists = profiles.map((profile) => byImportance(profile, kind).slice(0, n));
  const [first] = lists;
  const has = (list: readonly RankedModule[], { layer }: RankedModule) =>
    list.some((other) => other.layer === layer);
  const common = first.filter((module) => lists.every((list) => has(list, module)));
  const unknown = first.filter((module) =>
    !common.includes(module) &&
    lists.every((list, i) => has(list, module) || importanceSign(profiles[i], module, list.at(-1)!) === 0)
  );
  return { common: common.length, of: first.length, unknown: unknown.length };
}
