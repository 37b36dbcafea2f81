/** What samples decide about several modules, steps or texts at once: verdicts that titles put into words. */
import type { ModuleKind } from "../../measure/mod.ts";
import type { Guide, Guides } from "../forms/order.ts";
import type { Profile } from "../forms/profile.ts";
import { GUIDES, SCORES } from "../scores.ts";
import { byImportance, importanceSign, quarter, type RankedModule } from "./signs.ts";

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
