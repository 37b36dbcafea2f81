/**
 * What has a type of blocks in a file: the two groups of matrices of each module, and the tables of words; and the types that each may
 * come down to, finest first. Rows of 256 and its multiples have the K types, where their encoders are installed, others the plain ones.
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

type Place =
  | { readonly module: LayerModule; readonly layer: number }
  | { readonly table: WordTable }
  | { readonly both: WordTable };

/** A unit with its types changed together: what a plan says of it, and the bytes that it then takes. */
export interface Level {
  /** The most bits that a number takes in it. */
  readonly bits: number;
  readonly bytes: number;
  readonly types: Readonly<Partial<Record<Group, string>>>;
}

/** A module or a table of words, as it is stored and in the types below, finest first. */
export interface Unit {
  readonly place: Place;
  /** The most bits that a number takes as it is stored. */
  readonly bits: number;
  readonly bytes: number;
  readonly levels: readonly Level[];
}

const PLAIN = ["Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"];
const SUPER = ["Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K"];
const BLOCK = 32;

/** Types that hold rows of `columns` numbers, finest first. */
const ladder = (columns: number): readonly string[] =>
  columns % SUPERBLOCK === 0 && canEncode("Q4_K") ? SUPER : columns % BLOCK === 0 ? PLAIN : [];

type Matrix = readonly [name: string, shape: readonly [number, number]];

/** A model's units, and the changes made before any of them: two tables of words that are roundings of one become one. */
export interface Units {
  readonly first: readonly Choice[];
  readonly units: readonly Unit[];
}

/** The units of a model. Opens its file to see how its tensors are stored. */
export async function unitsOf(model: StudyModel): Promise<Units> {
  const { layers, hidden, vocabulary, head } = model.spec;
  const stored = await openStored(model);
  using _file = closed(stored.file);
  const infoOf = (name: string, layer?: number) => stored.file.tensors.get(model.stored!(name, layer).name);
  const typeOf = (name: string, layer?: number) => infoOf(name, layer)!.type;
  const unit = (
    place: Place,
    groups: readonly (readonly [Group, readonly Matrix[]])[],
    layer?: number,
  ): Unit => {
    const bytesIn = (matrices: readonly Matrix[], type?: string) =>
      sum(matrices, ([name, shape]) => {
        const own = typeOf(name, layer);
        return encodedBytes(type === undefined || isAsCoarse(own, type) ? own : type, shape);
      });
    const own = groups.map(([group, all]) => {
      const matrices = all.filter(([name]) => infoOf(name, layer)); // one that no tensor of the file is keeps its type
      const bits = Math.max(...matrices.map(([name]) => bitsOf(typeOf(name, layer))));
      const types = ladder(all.reduce((most, [, [, columns]]) => gcd(most, columns), 0))
        .filter((type) => bitsOf(type) < bits);
      return { group, matrices, types, bits, bytes: bytesIn(matrices) };
    });
    const steps = [...new Set(own.flatMap(({ types }) => types.map(bitsOf)))].sort((a, b) => b - a);
    return {
      place,
      bits: Math.max(...own.map(({ bits }) => bits)),
      bytes: sum(own, ({ bytes }) => bytes),
      levels: steps.map((bits): Level => {
        const chosen = own.map((one) => ({
          ...one,
          type: one.bits > bits
            ? one.types.find((type) => bitsOf(type) <= bits) ?? one.types.at(-1)
            : undefined,
        }));
        return {
          bits,
          bytes: sum(chosen, ({ type, matrices }) => bytesIn(matrices, type)),
          types: Object.fromEntries(chosen.flatMap(({ group, type }) => type ? [[group, type]] : [])),
        };
      }),
    };
  };
  const one = await oneTableIn(model, stored);
  const tables: WordTable[] = head.tied || one ? ["embedding"] : [...TABLES];
  const units = [
    ...tables.map((table) =>
      unit({ table }, [["out", [[`${one?.both ?? table}.weight`, [vocabulary, hidden]]]]])
    ),
    ...layers.flatMap((layer, l) =>
      MODULES.flatMap((module) => {
        const groups = GROUPS.map((group) => [group, matricesIn(layer, hidden, module, group)] as const)
          .filter(([, matrices]) => matrices.length > 0);
        return groups.length > 0 ? [unit({ module, layer: l }, groups, l)] : [];
      })
    ),
  ].filter(({ levels }) => levels.length > 0);
  const level = { bits: 0, bytes: 0, types: {} };
  const both = one && { place: { both: one.both }, bits: 0, bytes: one.saved, levels: [level] };
  return { first: both ? [{ unit: both, level }] : [], units };
}

const gcd = (a: number, b: number): number => b === 0 ? a : gcd(b, a % b);

/** A unit's place and one of its levels; dropped where that is null. */
export interface Choice {
  readonly unit: Unit;
  readonly level: Level | null;
}

/** The plan of some choices, rounded by the importance of columns. */
export function planOfChoices(choices: readonly Choice[], { modules, head }: ColumnImportance): DropPlan {
  const changes: Change[] = [];
  const tables: { [table in WordTable]?: string } & { both?: WordTable } = {};
  for (const { unit: { place }, level } of choices) {
    if ("both" in place) tables.both = place.both;
    else if ("table" in place) tables[place.table] = level!.types.out!;
    else {
      const { module, layer } = place;
      const tensors = modules[layer][module] ?? undefined;
      changes.push(
        level ? { layer, module, to: "types", ...level.types, tensors } : { layer, module, to: "nothing" },
      );
    }
  }
  const importance = tables.embedding || tables.head ? { tensors: head } : {};
  return {
    ...planOf(changes),
    ...Object.keys(tables).length > 0 ? { tables: { ...tables, ...importance } } : {},
  };
}
