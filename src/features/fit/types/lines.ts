/** Lines of `fit` along types of blocks: by what each step was measured to cost, and two that measure nothing, which are held against it. */
import { inParts } from "core/entry/mod.ts";
import { type LayerModule, planHash } from "core/measure/mod.ts";
import type { Fit } from "../result.ts";
import { head, type Plan, planData, planKind, type TypeOrder } from "core/result/mod.ts";
import { type ColumnImportance, columnImportance, type DropPlan, noDrop, segmentsOf } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { ranges } from "core/weights/mod.ts";
import type { Pass } from "core/study/estimate.ts";
import { engineOf, reporter, type RunOptions } from "core/study/options.ts";
import { scopeOf } from "core/study/scope.ts";
import type { Text } from "core/study/text.ts";
import { perplexitiesIn, riseOver } from "../../losses/mod.ts";
import { byRise, chosenBy, type Measured, together, type TypeStep, unmeasured } from "./steps.ts";
import { type Choice, type Level, planOfChoices, type Unit, type Units } from "./units.ts";

/** Levels of a unit that are measured, from these bits on: finer ones cost next to nothing. Tables are a large part of the file. */
const MEASURED = { module: { bits: 6, count: 2 }, table: { bits: 8, count: 4 } };
/** The share of a unit's bytes that a measured level saves at least: one matrix of several may alone be finer than a level. */
const WORTH = 0.08;
/** The share of the bytes that a step of the measured line saves at least; and of the line made anew, whose plans are as small as one that is there. */
const [STEP, FINE] = [0.01, 0.0025];
/** Bits from which numbers are stored as floats: they have one level more. */
const FLOATS = 16;
/** Plans that are measured as one trie; what is finished is kept. */
const TOGETHER = 24;

function measuredLevels({ place, levels, bits: stored, bytes: whole }: Unit): readonly Level[] {
  const { bits, count } = MEASURED["layer" in place ? "module" : "table"];
  const coarse = levels.filter((level) => level.bits <= bits && level.bytes <= (1 - WORTH) * whole);
  return coarse.length > 0 ? coarse.slice(0, count + Number(stored >= FLOATS)) : levels.slice(-1);
}

/** A line of types: its steps, and the plan of the first so many. */
export interface TypeLine {
  readonly by: TypeOrder;
  readonly most: number;
  planOf(steps: number): DropPlan;
  /** Makes the line whose order is what each level costs inside the plan of the first steps; absent where costs are not measured. */
  again?(steps: number, options: RunOptions): Promise<TypeLine>;
}

/** The passes that the measured line takes, and those that find the importance of columns. */
export function typePasses(
  { units }: Units,
  { sizes }: Text,
  isMeasured: boolean,
): Pass[] {
  const plan = ({ place }: Unit): DropPlan =>
    "layer" in place ? { ...noDrop, [place.module]: [place.layer] } : noDrop;
  const plans = units.flatMap((unit) => measuredLevels(unit).map(() => plan(unit)));
  return [{ ...sizes, plans: [noDrop], head: false }, ...isMeasured ? [{ ...sizes, plans, head: true }] : []];
}

/** Lines, and what each level of each unit costs alone. */
interface TypeLines {
  readonly lines: readonly TypeLine[];
  readonly rises: NonNullable<Fit["rises"]>;
}

const placeOf = (place: Unit["place"]) =>
  "layer" in place ? place : { module: "table" in place ? place.table : place.both, layer: null };

/** Measures the importance of columns, and what each level of each unit costs alone; then gives the lines. */
export async function typeLines(
  model: StudyModel,
  { first, units }: Units,
  text: Text,
  orders: readonly TypeOrder[],
  /** What dropping a module costs alone, where the file would lack it; undefined where that is unknown. */
  dropped: (module: LayerModule, layer: number) => number | undefined,
  options: RunOptions,
): Promise<TypeLines> {
  const weights = { importance: 1, rises: units.length };
  const at = inParts(`types of ${model.name}`, weights, options);
  const importance = await importanceOver(model, text, at.importance);
  const rises = (inside: readonly Choice[], options: RunOptions) =>
    risesOf(model, units, inside, importance, text, options);
  const line = (by: TypeOrder, own: readonly TypeStep[]): TypeLine => {
    const steps = first.length > 0 ? [first, ...own] : own;
    const chosen = (count: number) => chosenBy(steps, count);
    return {
      by,
      most: steps.length,
      planOf: (count) => planOfChoices(chosen(count), importance),
      ...orders.includes("rise") && {
        again: async (count, options) =>
          line("rise", together(units, byRise(units, await rises(chosen(count), options)), FINE)),
      },
    };
  };
  let measured: Measured[][] = [];
  const makers: Readonly<Record<TypeOrder, () => TypeStep[] | Promise<TypeStep[]>>> = {
    async rise() {
      measured = await rises(first, at.rises);
      const all = units.map(({ place }, u): Measured[] => {
        const rise = "layer" in place ? dropped(place.module, place.layer) : undefined;
        return [...measured[u], ...rise === undefined ? [] : [{ level: null, rise }]];
      });
      return together(units, byRise(units, all), STEP);
    },
    rule: () => unmeasured(units, true),
    uniform: () => unmeasured(units, false),
  };
  const lines: TypeLine[] = [];
  for (const by of orders) lines.push(line(by, await makers[by]()));
  return {
    lines: lines.filter(({ most }) => most > 0),
    rises: units.flatMap(({ place, bytes }, u) =>
      (measured[u] ?? []).flatMap(({ level, rise }) =>
        level ? [{ ...placeOf(place), types: level.types, saved: bytes - level.bytes, rise }] : []
      )
    ),
  };
}

async function importanceOver(model: StudyModel, text: Text, options: RunOptions): Promise<ColumnImportance> {
  const { blocks } = await text.pack(options);
  const { signal } = options;
  const onProgress = reporter("importance of columns", "modules", options);
  return await columnImportance({
    ...{ model, engine: await engineOf(options), segments: segmentsOf(blocks) },
    ...{ signal, onProgress },
  });
}

/** What the coarsest levels of each unit cost inside a plan, over the unit as it is stored: nats per token. */
async function risesOf(
  model: StudyModel,
  units: readonly Unit[],
  inside: readonly Choice[],
  importance: ColumnImportance,
  text: Text,
  options: RunOptions,
): Promise<Measured[][]> {
  const all = units.map((unit) => {
    const rest = inside.filter((own) => own.unit !== unit);
    const now = inside.flatMap((own) => own.unit === unit ? [own.level] : []);
    const levels = [...new Set([...measuredLevels(unit), ...now])];
    return {
      stored: planOfChoices(rest, importance),
      levels: levels.map((level) => ({ level, drop: planOfChoices([...rest, { unit, level }], importance) })),
    };
  });
  const base = planOfChoices(inside, importance);
  const drops = all.flatMap(({ stored, levels }) => [stored, ...levels.map(({ drop }) => drop)]);
  const byHash = new Map(drops.map((drop) => [planHash(drop), drop]));
  byHash.delete(planHash(base));
  const plans = [...byHash.values()];
  const groups = [...ranges(0, plans.length, TOGETHER)].map(([from, end]) => plans.slice(from, end));
  const naming = { label: `perplexity of ${model.name}`, group: "plans" };
  const found = await perplexitiesIn(scopeOf(options), model, text, [[base], ...groups], naming);
  const runs = new Map(found.flat().map((run) => [planHash(run.provenance.drop), run]));
  const of = (drop: DropPlan) => runs.get(planHash(drop))!;
  return all.map(({ stored, levels }) =>
    levels.map(({ level, drop }) => ({ level, rise: riseOver(of(drop), of(stored)).rise }))
  );
}

/** A plan of types as a result. */
export function typePlan(
  { identity, name }: StudyModel,
  by: TypeOrder,
  drop: DropPlan,
  saves: Plan["saves"],
): Plan {
  return {
    ...head(planKind),
    ...{ model: name, layers: identity.layers, target: "types", by, seed: null },
    ...planData(drop),
    order: [],
    saves,
  };
}
