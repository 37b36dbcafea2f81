/**
 * What a type does to a unit, known without a run of it: the squared error of its weights, each weighed by the mean square of what it is
 * multiplied with. Divergence is proportional to it: over types of a unit the ratio differs by a quarter (SmolLM2, Gemma 3 270M).
 */
import { inParts, sum } from "core/entry/mod.ts";
import {
  type ColumnImportance,
  columnImportance,
  importanceName,
  isWeighed,
  noDrop,
  segmentsOf,
  tensorsOf,
} from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { roundInThreads } from "core/weights/mod.ts";
import { engineOf, reporter, type RunOptions } from "core/study/options.ts";
import type { Scope } from "core/study/scope.ts";
import type { Text } from "core/study/text.ts";
import type { Level, Unit } from "./units.ts";

/** The importance of columns, and the error of levels where a unit has several. */
export type Weighed = { readonly importance: ColumnImportance; errorOf(unit: Unit, level: Level): number };

/** Numbers of a matrix whose errors are added up, in whole rows that lie evenly: more change the sum by less than a percent. */
const SAMPLED = 2 ** 16;

/** Measures the importance of columns over a text, and the errors of levels. */
export async function weigh(
  scope: Scope,
  model: StudyModel,
  text: Text,
  units: readonly Unit[],
): Promise<Weighed> {
  const none: Weighed = {
    importance: { modules: model.spec.layers.map(() => ({ attention: null, mlp: null })), head: "" },
    errorOf: () => 1,
  };
  if (units.length === 0) return none;
  const pass = { ...text.sizes, plans: [noDrop], head: false };
  const weighed = await scope.work(model, [pass], async (options) => {
    const engine = await engineOf(options);
    const at = inParts(`fit of ${model.name}: measuring`, { inputs: 1, errors: 1 }, options);
    const { blocks } = await text.pack(options);
    const importance = await columnImportance({
      ...{ model, engine, segments: segmentsOf(blocks), signal: options.signal },
      onProgress: reporter("inputs of weights", "modules", at.inputs),
    });
    return { importance, errors: await errorsOf(model, units, importance, at.errors) };
  });
  return scope.likely<Weighed>(
    () => {
      const { importance, errors } = weighed;
      return { importance, errorOf: (unit, level) => errors.get(unit)?.get(level) ?? NaN };
    },
    () => none,
  );
}

type Errors = Map<Unit, Map<Level, number>>;

async function errorsOf(
  model: StudyModel,
  units: readonly Unit[],
  importance: ColumnImportance,
  options: RunOptions,
): Promise<Errors> {
  const errors: Errors = new Map();
  const report = reporter("errors of types", "parts", options);
  for (const [i, unit] of units.entries()) {
    options.signal?.throwIfAborted();
    report(i, units.length);
    const levels = unit.levels.filter(({ type }) => type !== null);
    if (levels.length < 2) continue;
    const own = new Map(levels.map((level) => [level, 0]));
    for (const { name, shape } of unit.matrices) {
      const rows = await someRows(model, unit, name, shape);
      const columns = importanceOf(unit, name, importance);
      for (const level of levels) {
        const error = await errorOf(rows, level.type!, columns) * shape[0] / rows.shape[0];
        own.set(level, own.get(level)! + error);
      }
    }
    errors.set(unit, own);
  }
  report(units.length, units.length);
  return errors;
}

async function errorOf(rows: Tensor, type: string, importance: Float32Array<ArrayBuffer> | undefined) {
  const [own, read] = [toFloat32(rows), toFloat32(await roundInThreads(type, rows, { importance }))];
  const columns = rows.shape[1];
  let error = 0;
  for (let at = 0; at < own.length; at++) {
    error += (own[at] - read[at]) ** 2 * (importance ? importance[at % columns] : 1);
  }
  return error;
}

/** The importance by which a matrix is rounded; undefined where its inputs are not known, or it multiplies nothing. */
function importanceOf({ place }: Unit, name: string, { modules, head }: ColumnImportance) {
  const hash = "table" in place ? head : modules[place.layer][place.module];
  if (hash === null || !isWeighed(name)) return undefined;
  const tensor = "table" in place ? "importance" : importanceName(place.group);
  return tensorsOf({ tensors: hash }).get(tensor)?.data as Float32Array<ArrayBuffer> | undefined;
}

/** Rows of a matrix that lie evenly in it. */
async function someRows(
  { weights }: StudyModel,
  { place }: Unit,
  name: string,
  [rows, columns]: readonly [number, number],
): Promise<Tensor> {
  const count = Math.min(rows, Math.max(1, Math.floor(SAMPLED / columns)));
  const places = Array.from({ length: count }, (_, i) => Math.floor(i * rows / count));
  const picked = new Float32Array(count * columns);
  if ("table" in place) {
    for (const [i, row] of places.entries()) {
      picked.set(toFloat32(await weights.outer(name, [row, row + 1])), i * columns);
    }
  } else {
    const lease = await weights.part(place.layer, new Map([[name, null]]));
    const all = toFloat32(lease.tensors.get(name)!);
    places.forEach((row, i) => picked.set(all.subarray(row * columns, (row + 1) * columns), i * columns));
    lease.release();
  }
  return { dtype: "f32", shape: [count, columns], data: picked };
}

/**
 * Least bits of the levels that are measured, each the coarsest of its kind. A module takes the first that exists;
 * a table, a large part of a file, takes all.
 */
const MEASURED = { module: [4, 3, 0], table: [6, 5.5, 5, 4, 3] };
/** The share of a unit's bytes that a measured level saves at least: finer ones cost less than samples show. */
const WORTH = 0.08;

/**
 * The levels of a unit that are measured. A module has one: its coarsest type of four bits or, without one, of three.
 * A table has several, and one table in the place of two.
 */
export function measuredLevels({ place, levels, bytes }: Unit, errorOf: (level: Level) => number): Level[] {
  const types = levels.filter(({ type }) => type !== null);
  const worth = types.filter((level) => level.bytes <= (1 - WORTH) * bytes);
  const among = worth.length > 0 ? worth : types;
  const coarsest = (bits: number) =>
    among.filter((level) => level.bits >= bits)
      .sort((a, b) => a.bytes - b.bytes || errorOf(a) - errorOf(b)).slice(0, 1);
  const isTable = "table" in place;
  const found = MEASURED[isTable ? "table" : "module"].flatMap(coarsest);
  const own = isTable ? found : found.slice(0, 1);
  return [...new Set([...levels.filter(({ type }) => type === null), ...own])];
}

/** The divergence of every level, from those that were measured: of the nearest one by bits, as their errors are. */
export function allLevels(
  { levels }: Unit,
  measured: ReadonlyMap<Level, number>,
  errorOf: (level: Level) => number,
): { readonly level: Level; readonly kld: number }[] {
  const known = [...measured].filter(([{ type }]) => type !== null);
  const base = sum([...measured].filter(([{ type }]) => type === null), ([, kld]) => kld);
  return levels.map((level) => {
    const own = measured.get(level);
    if (own !== undefined) return { level, kld: own };
    const [near, kld] = known.reduce((best, one) =>
      Math.abs(one[0].bits - level.bits) < Math.abs(best[0].bits - level.bits) ? one : best
    );
    return { level, kld: base + Math.max(0, kld - base) * errorOf(level) / errorOf(near) };
  });
}
