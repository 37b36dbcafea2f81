/** One measurement: each unit in its coarsest sensible levels and each drop, alone or inside a plan, in one trie. */
import { type DropPlan, noDrop, planHash } from "core/measure/mod.ts";
import { sum } from "core/entry/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Scope } from "core/study/scope.ts";
import type { Text } from "core/study/text.ts";
import { ranges } from "core/weights/mod.ts";
import { divergencesIn } from "./divergence.ts";
import type { PricedSite, Stop } from "./path.ts";
import type { Divergence } from "./result.ts";
import { type Choice, type Level, planOfChoices, type Site, type Unit } from "./units.ts";
import { allLevels, measuredLevels, type Weighed } from "./weigh.ts";

/** Plans that are measured as one trie; what is finished is kept. */
const TOGETHER = 32;

/**
 * What is measured: a table in a level, a module with its groups in their coarsest sensible levels, or a drop. The groups of a module
 * measured apart find no better plans (SmolLM2: sums within 1 % at equal bytes) and take as many runs again.
 */
interface Trial {
  readonly site: Site;
  /** The groups of a module in their levels, or a table in one; empty of a drop. */
  readonly choices: readonly Choice[];
  /** The plan with it, and the one that it is held against. */
  readonly plan: DropPlan;
  readonly base: DropPlan;
}

/** What trials were measured to cost. */
export interface Costs {
  /** The model as stored; absent where nothing was measured. */
  readonly full: Divergence | undefined;
  readonly trials: readonly (Trial & { readonly kld: number })[];
}

function trialsOf(
  sites: readonly Site[],
  inside: Pick<Stop, "choices" | "dropped">,
  weighed: Weighed,
): Trial[] {
  const planWith = (choices: readonly Choice[], dropped: Stop["dropped"]) =>
    planOfChoices(choices, dropped, weighed.importance);
  return sites.flatMap((site) => {
    const { units, drop } = site;
    const dropped = inside.dropped.filter((one) => !drop?.modules.includes(one));
    const others = inside.choices.filter(({ unit }) => !units.includes(unit));
    const ofUnits = [...Map.groupBy(units, moduleOf).values()].flatMap((own) => {
      const levels = own.map((unit) => measuredLevels(unit, (level) => weighed.errorOf(unit, level)));
      const rest = inside.choices.filter(({ unit }) => !own.includes(unit));
      const base = planWith(rest, dropped);
      const most = Math.max(...levels.map(({ length }) => length));
      return Array.from({ length: most }, (_, i): Trial => {
        const choices = own.flatMap((unit, u) => levels[u][i] ? [{ unit, level: levels[u][i] }] : []);
        return { site, choices, plan: planWith([...rest, ...choices], dropped), base };
      });
    });
    const ofDrop = drop
      ? [{
        site,
        choices: [],
        plan: planWith(others, [...dropped, ...drop.modules]),
        base: planWith(others, dropped),
      }]
      : [];
    return [...ofUnits, ...ofDrop];
  });
}

const moduleOf = ({ place }: Unit): string =>
  "table" in place ? place.table : `${place.module} ${place.layer}`;

/** What choices save together. */
export const savedIn = (choices: readonly Choice[]): number =>
  sum(choices, ({ unit, level }) => unit.bytes - level.bytes);

const firstLayer = ({ site: { units: [unit], drop } }: Trial): number =>
  drop ? drop.modules[0].layer : unit && "layer" in unit.place ? unit.place.layer : -1;

/** Measures what trials cost over the plans that they change; each divergence is from the model as stored. */
export async function measure(
  scope: Scope,
  { model, text, title }: { readonly model: StudyModel; readonly text: Text; readonly title: string },
  sites: readonly Site[],
  inside: Pick<Stop, "choices" | "dropped">,
  weighed: Weighed,
): Promise<Costs> {
  const trials = trialsOf(sites, inside, weighed).sort((a, b) => firstLayer(a) - firstLayer(b));
  const plans = new Map(
    trials.flatMap(({ plan, base }) => [base, plan]).map((plan) => [planHash(plan), plan]),
  );
  plans.delete(planHash(noDrop));
  const all = [...plans.values()];
  const parts = trials.length === 0
    ? []
    : [...ranges(0, all.length, TOGETHER)].map(([from, to]) => all.slice(from, to));
  const [[first, ...more] = [], ...groups] = await divergencesIn(
    scope,
    { model, text, title },
    parts.map((part, i) => i === 0 ? [noDrop, ...part] : part),
  );
  return scope.likely(() => {
    const runs = [...more, ...groups.flat()];
    const found = new Map(all.map((plan, i) => [planHash(plan), runs[i].kl]));
    const klOf = (plan: DropPlan) => found.get(planHash(plan)) ?? 0;
    return {
      full: first,
      trials: trials.map((trial) => ({ ...trial, kld: Math.max(0, klOf(trial.plan) - klOf(trial.base)) })),
    };
  }, () => ({ full: first, trials: trials.map((trial, i) => ({ ...trial, kld: 0.001 * (1 + i % 7) })) }));
}

/** Sites with what every level and drop saves and costs, the levels that were not measured by their errors. */
export function pricedSites(
  sites: readonly Site[],
  { trials }: Costs,
  { errorOf }: Weighed,
): PricedSite[] {
  return sites.map((site): PricedSite => {
    const own = trials.filter((trial) => trial.site === site);
    const dropped = own.find(({ choices }) => choices.length === 0);
    const levelsOf = (unit: Unit) => {
      // A module's divergence is shared by its groups as they save: on the path they then lie together.
      const measured = new Map(own.flatMap(({ choices, kld }): [Level, number][] => {
        const choice = choices.find((one) => one.unit === unit);
        return choice ? [[choice.level, kld * savedIn([choice]) / savedIn(choices)]] : [];
      }));
      return allLevels(unit, measured, (level) => errorOf(unit, level))
        .map(({ level, kld }) => ({ level, kld, saved: unit.bytes - level.bytes }));
    };
    return {
      units: site.units.map((unit) => ({ unit, levels: levelsOf(unit) })),
      drop: site.drop && dropped ? { ...site.drop, kld: dropped.kld } : null,
    };
  });
}
