/**
 * The parts of a model that a fit decides on. A unit is what has one type in a file: q, k and v of a layer; o; gate and up; down; each table
 * of words. Its levels are the types below the stored one that its rows hold, by name: two types of equal size are two levels. A site is
 * what is dropped together, with its units: a module, or a layer where whole layers are dropped; a table is a site that stays.
 */
import {
  type Change,
  type DropPlan,
  type LayerModule,
  MODULES,
  planOf,
  TABLES,
  type WordTable,
} from "core/measure/mod.ts";
import { oneTableIn, openStored } from "core/formats/mod.ts";
import { closed, sum } from "core/entry/mod.ts";
import { type ColumnImportance, type Group, GROUPS, matricesIn } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { bitsOf, canEncode, encodedBytes, isAsCoarse, SUPERBLOCK } from "core/weights/mod.ts";

/** A type in the place of the stored one; null where the table that replaces two stays as it is. */
export type Level = { readonly type: string | null; readonly bits: number; readonly bytes: number };

type Place =
  | { readonly module: LayerModule; readonly layer: number; readonly group: Group }
  | {
    readonly table: WordTable;
    /** The table that takes the place of two. */
    readonly both?: WordTable | undefined;
  };

/** A matrix, and the type in which it is stored. */
interface Stored {
  readonly name: string;
  readonly shape: readonly [rows: number, columns: number];
  readonly type: string;
}

export interface Unit {
  readonly place: Place;
  readonly matrices: readonly Stored[];
  /** Bytes as it is stored. */
  readonly bytes: number;
  /** Finest first. */
  readonly levels: readonly Level[];
}

/** A module of a layer. */
export type Module = { readonly module: LayerModule; readonly layer: number };

/** The modules that may be dropped together, and what that saves. */
export type Drop = { readonly modules: readonly Module[]; readonly saved: number };

export interface Site {
  readonly units: readonly Unit[];
  /** Null where the site stays. */
  readonly drop: Drop | null;
}

/** A unit in a level. */
export type Choice = { readonly unit: Unit; readonly level: Level };

/** Types that a fit tries, by the numbers of a block. */
const TYPES: Readonly<Record<number, readonly string[]>> = {
  32: ["Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL"],
  [SUPERBLOCK]: ["Q6_K", "Q5_K", "Q4_K", "IQ4_XS", "Q3_K", "IQ3_S", "Q2_K"],
};

/** Types that hold rows of `columns` numbers and can be written here, finest first. */
const typesOf = (columns: number): string[] =>
  Object.entries(TYPES)
    .flatMap(([size, types]) => columns % Number(size) === 0 ? types : [])
    .filter(canEncode)
    .sort((a, b) => bitsOf(b) - bitsOf(a));

const gcd = (a: number, b: number): number => b === 0 ? a : gcd(b, a % b);

/** Bytes of some matrices in a type; each that has no more bits keeps its own, as all do without one. */
const bytesIn = (matrices: readonly Stored[], type?: string): number =>
  sum(
    matrices,
    (own) => encodedBytes(type === undefined || isAsCoarse(own.type, type) ? own.type : type, own.shape),
  );

/** The levels of some matrices: types in which they take fewer bytes. */
export function levelsOf(matrices: readonly Stored[]): Level[] {
  const columns = matrices.reduce((most, { shape }) => gcd(most, shape[1]), 0);
  return typesOf(columns)
    .map((type) => ({ type, bits: bitsOf(type), bytes: bytesIn(matrices, type) }))
    .filter(({ bytes }) => bytes < bytesIn(matrices));
}

/** The units of a model: tables first, then the groups of modules by layer. Opens its file to see how its tensors are stored. */
export async function unitsOf(model: StudyModel): Promise<Unit[]> {
  const { layers, hidden, vocabulary, head } = model.spec;
  const stored = await openStored(model);
  using _file = closed(stored.file);
  const unit = (
    place: Place,
    named: readonly (readonly [string, readonly [number, number]])[],
    layer?: number,
  ): Unit => {
    const matrices = named.flatMap(([name, shape]): Stored[] => {
      const own = stored.file.tensors.get(model.stored!(name, layer).name);
      return own ? [{ name, shape, type: own.type }] : []; // one in two parts of a file keeps its type
    });
    return { place, matrices, bytes: bytesIn(matrices), levels: levelsOf(matrices) };
  };
  const one = await oneTableIn(model, stored);
  const tables: WordTable[] = head.tied || one ? ["embedding"] : [...TABLES];
  return [
    ...tables.map((table): Unit => {
      const name = `${one?.both ?? table}.weight`;
      if (!one) return unit({ table }, [[name, [vocabulary, hidden]]]);
      const own = unit({ table, both: one.both }, [[name, [vocabulary, hidden]]]);
      const { bytes, levels } = own;
      return { ...own, bytes: bytes + one.saved, levels: [{ type: null, bits: Infinity, bytes }, ...levels] };
    }),
    ...layers.flatMap((spec, layer) =>
      MODULES.flatMap((module) =>
        GROUPS.flatMap((group) => {
          const matrices = matricesIn(spec, hidden, module, group);
          return [unit({ module, layer, group }, matrices, layer)];
        })
      )
    ),
  ].filter(({ levels }) => levels.length > 0);
}

/** The sites of some units and drops; units without a drop of theirs are sites by module. */
export function sitesOf(units: readonly Unit[], drops: readonly Drop[]): Site[] {
  const keyOf = ({ module, layer }: Module) => `${module} ${layer}`;
  const dropOf = new Map(drops.flatMap((drop) => drop.modules.map((one) => [keyOf(one), drop])));
  const of = ({ place }: Unit) => "table" in place ? place : dropOf.get(keyOf(place)) ?? keyOf(place);
  const byDrop = Map.groupBy(units, of);
  const staying = [...byDrop].flatMap(([key, units]) =>
    dropOf.values().some((drop) => drop === key) ? [] : [units]
  );
  return [
    ...staying.map((units) => ({ units, drop: null })),
    ...drops.map((drop) => ({ units: byDrop.get(drop) ?? [], drop })),
  ];
}

/** The plan of some choices, rounded by the importance of columns, without some modules. */
export function planOfChoices(
  choices: readonly Choice[],
  dropped: readonly Module[],
  { modules, head }: ColumnImportance,
): DropPlan {
  const types = new Map<string, Module & { in?: string; out?: string }>();
  const tables: { [table in WordTable]?: string } & { both?: WordTable } = {};
  for (const { unit: { place }, level: { type } } of choices) {
    if ("table" in place) {
      if (place.both) tables.both = place.both;
      if (type) tables[place.table] = type;
      continue;
    }
    const { module, layer, group } = place;
    const own = types.getOrInsertComputed(`${module} ${layer}`, () => ({ layer, module }));
    own[group] = type!;
  }
  const changes = [...types.values()].map(({ layer, module, ...own }): Change => {
    const tensors = modules[layer][module] ?? undefined;
    const groups = GROUPS.flatMap((group) => own[group] ? [[group, own[group]]] : []);
    return { layer, module, to: "types", ...Object.fromEntries(groups), tensors };
  });
  const drops = dropped.map(({ layer, module }): Change => ({ layer, module, to: "nothing" }));
  const importance = head && (tables.embedding || tables.head) ? { tensors: head } : {};
  return {
    ...planOf([...changes, ...drops]),
    ...Object.keys(tables).length > 0 ? { tables: { ...tables, ...importance } } : {},
  };
}
