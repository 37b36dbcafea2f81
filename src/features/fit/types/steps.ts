/** Orders of types: nested plans, each of which takes one step more down the types. */
import type { Choice, Level, Unit } from "./units.ts";

/** What one step changes: units, each to a level. */
export type TypeStep = readonly Choice[];

/** A level and what it costs alone, nats per token; null is the drop. */
export interface Measured {
  readonly level: Level | null;
  readonly rise: number;
}

/**
 * Steps by what a byte costs, cheapest first. Of each unit, levels on the lower convex hull of bytes and rise are taken in turn, so that
 * every beginning of the list loses least for its bytes if rises add up, as they were seen to (HIGGS, arXiv 2411.17525).
 */
export function byRise(units: readonly Unit[], measured: readonly (readonly Measured[])[]): TypeStep[] {
  const steps = units.flatMap((unit, u) => {
    const points = measured[u].map(({ level, rise }) => ({ level, rise, bytes: level?.bytes ?? 0 }))
      .filter(({ bytes }) => bytes < unit.bytes)
      .sort((a, b) => b.bytes - a.bytes);
    const own: { readonly step: TypeStep; readonly price: number }[] = [];
    let [bytes, rise, rest] = [unit.bytes, 0, points];
    while (rest.length > 0) {
      const priceOf = (point: typeof points[number]) =>
        Math.max(0, point.rise - rise) / (bytes - point.bytes);
      const next = rest.reduce((best, point) => priceOf(point) <= priceOf(best) ? point : best);
      own.push({ step: [{ unit, level: next.level }], price: priceOf(next) });
      [bytes, rise] = [next.bytes, Math.max(rise, next.rise)];
      rest = rest.filter((point) => point.bytes < bytes);
    }
    return own;
  });
  return steps.sort((a, b) => a.price - b.price).map(({ step }) => step);
}

/** Steps put together until each saves a share of all bytes: a search tries no difference that samples cannot see. */
export function together(units: readonly Unit[], steps: readonly TypeStep[], share: number): TypeStep[] {
  const all = units.reduce((sum, { bytes }) => sum + bytes, 0);
  const now = new Map(units.map((unit) => [unit, unit.bytes]));
  const joined: TypeStep[] = [];
  let [open, saved] = [[] as TypeStep, 0];
  for (const step of steps) {
    for (const { unit, level } of step) {
      saved += now.get(unit)! - (level?.bytes ?? 0);
      now.set(unit, level?.bytes ?? 0);
    }
    open = [...open, ...step];
    if (saved < share * all && step !== steps.at(-1)) continue;
    joined.push(open);
    [open, saved] = [[], 0];
  }
  return joined;
}

/**
 * Steps that measure nothing: everything to one type, and the next; `spared`, the tables of words, the first and the last layer are one
 * type finer than all others.
 */
export function unmeasured(units: readonly Unit[], spared: boolean): TypeStep[] {
  const bits = [...new Set(units.flatMap(({ levels }) => levels.map(({ bits }) => bits)))].sort((a, b) =>
    b - a
  );
  const layers = units.flatMap(({ place }) => "layer" in place ? [place.layer] : []);
  const ends = [Math.min(...layers), Math.max(...layers)];
  const isFiner = ({ place }: Unit) => spared && !("layer" in place && !ends.includes(place.layer));
  const steps = [...bits, ...spared ? [0] : []].map((most, i): TypeStep =>
    units.flatMap((unit) => {
      const limit = isFiner(unit) ? bits[i - 1] ?? Infinity : most;
      const level = unit.bits > limit && (unit.levels.find((own) => own.bits <= limit) ?? unit.levels.at(-1));
      return level ? [{ unit, level }] : [];
    })
  );
  return steps.filter((step, i) => step.length > 0 && levelsText(step) !== levelsText(steps[i - 1] ?? []));
}

const levelsText = (step: TypeStep) =>
  JSON.stringify(step.map(({ unit, level }) => [unit.place, level?.bits]));

/** What the first steps choose: of each unit, the last level that one of them has. */
export function chosenBy(steps: readonly TypeStep[], count: number): Choice[] {
  return [...new Map(steps.slice(0, count).flat().map((choice) => [choice.unit, choice])).values()];
}
