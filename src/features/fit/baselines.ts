/** What is as small by other means: one type for all, a rule that measures nothing, and drops alone. */
import { pathOf, type PricedSite, type Stop } from "./path.ts";
import { savedIn } from "./measure.ts";
import type { Choice, Level, Unit } from "./units.ts";
import type { BASELINES } from "./result.ts";

export interface Baseline extends Pick<Stop, "choices" | "dropped"> {
  readonly by: typeof BASELINES[number];
  /** The coarsest type; null of drops. */
  readonly type: string | null;
}

/** The level of a unit in a type: that type or, where its rows do not hold it, the coarsest that is no coarser; null where it stays. */
function levelIn({ levels }: Unit, { type, bits }: Level): Level | null {
  return levels.find((own) => own.type === type) ??
    levels.findLast((own) => own.type !== null && own.bits >= bits) ??
    levels.find((own) => own.type === null) ?? null;
}

/** The choices that save at least so much and least of all; those that save most where none does. */
function nearest(all: readonly (readonly Choice[])[], wanted: number): readonly Choice[] | undefined {
  const sorted = all.filter(({ length }) => length > 0).toSorted((a, b) => savedIn(a) - savedIn(b));
  return sorted.find((own) => savedIn(own) >= wanted) ?? sorted.at(-1);
}

const coarsest = (choices: readonly Choice[]) =>
  choices.reduce((most, { level }) => level.bits < most.bits ? level : most, choices[0].level).type;

/** Types of all units, finest first; of two of equal size the one that is predicted to diverge less. */
function typesIn(sites: readonly PricedSite[]): Level[] {
  const byType = Map.groupBy(
    sites.flatMap(({ units }) => units.flatMap(({ levels }) => levels)),
    ({ level }) => level.type,
  );
  byType.delete(null);
  const all = [...byType.values()].map((own) => ({
    level: own[0].level,
    kld: own.reduce((sum, { kld }) => sum + kld, 0) / own.length,
  })).sort((a, b) => b.level.bits - a.level.bits || a.kld - b.kld);
  return all.filter(({ level }, i) => level.bits !== all[i - 1]?.level.bits).map(({ level }) => level);
}

/** What saves as much as `wanted` by other means; those that the sites allow. */
export function baselinesOf(
  sites: readonly PricedSite[],
  wanted: number,
  mayDrop?: Parameters<typeof pathOf>[1],
): Baseline[] {
  const units = sites.flatMap(({ units }) => units.map(({ unit }) => unit));
  const types = typesIn(sites);
  const chosen = (some: readonly Unit[], type: Level): Choice[] =>
    some.flatMap((unit) => {
      const level = levelIn(unit, type);
      return level ? [{ unit, level }] : [];
    });
  const layers = units.flatMap(({ place }) => "layer" in place ? [place.layer] : []);
  const ends = [Math.min(...layers), Math.max(...layers)];
  const tables = units.filter(({ place }) => "table" in place);
  const inner = units.filter(({ place }) => "layer" in place && !ends.includes(place.layer));
  const one: readonly Choice[] = tables.flatMap((unit) =>
    unit.levels.flatMap((level) => level.type === null ? [{ unit, level }] : [])
  );
  const uniform = nearest(types.map((type) => chosen(units, type)), wanted);
  const rule = nearest(
    types.flatMap((type) => {
      const modules = chosen(inner, type);
      return [one, ...types.filter(({ bits }) => bits >= type.bits).map((own) => chosen(tables, own))]
        .map((own) => [...modules, ...own]);
    }),
    wanted,
  );
  const path = pathOf(sites.map((site) => ({ ...site, units: [] })), mayDrop);
  const drops = path.find(({ saved, dropped }) => dropped.length > 0 && saved >= wanted);
  return [
    ...uniform ? [{ by: "uniform", choices: uniform, dropped: [], type: coarsest(uniform) } as const] : [],
    ...rule ? [{ by: "rule", choices: rule, dropped: [], type: coarsest(rule) } as const] : [],
    ...drops ? [{ by: "drops", choices: [], dropped: drops.dropped, type: null } as const] : [],
  ];
}
