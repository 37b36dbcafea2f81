/** How results of each kind look, the other half of its manifest: tables in print, rows for CSV and data frames, a figure. */
import type { Content } from "../disk/mod.ts";
import { expect, list, orElse } from "../entry/mod.ts";
import { anyResult, type Kind, type ResultOf } from "../result/mod.ts";
import { type CsvRow, csvText } from "./chart/csv.ts";
import { pictureFile } from "./chart/files/save.ts";
import type { Figure } from "./chart/svg.ts";
import { lines, recordTable, type Table } from "./tables/table.ts";
import { style, tablesText, type TextLook } from "./tables/text.ts";
import { wrap } from "./plain.ts";

/** How tables look; a table may show fewer rows than it has. */
export interface TableLook extends TextLook {
  /** Whether neighbours of a ranking that lie within the samples' noise are marked. */
  readonly ties?: boolean;
  /** How many of the lowest of each kind are shown; default: all. */
  readonly lowest?: number;
  /** How to see the others, in words. */
  readonly more?: string;
}

/** How results of a kind look. */
interface Look<R> {
  tables(result: R, look: TableLook): Table | Table[];
  /** Several results in print, where they share a table. */
  together?(results: readonly R[]): Table[];
  rows(result: R): CsvRow[];
  readonly isOneRow?: boolean;
  /** The figure of a kind that is better seen than read; null for results that have none. */
  figure?(results: readonly R[]): Figure | null;
}

/** The looks of kinds, by name. */
export type Looks = { readonly [K in Kind]?: Look<ResultOf<K>> };

/** One record for each entry of a list. */
export function recorded<R>(rows: (result: R) => CsvRow[]) {
  return { tables: (result: R) => recordTable(rows(result)), rows };
}

/** One record for a result. */
export const oneRow = <R>(row: (result: R) => CsvRow) => ({
  ...recorded((result: R) => [row(result)]),
  isOneRow: true,
});

/** The figure of a kind whose results are drawn one by one. */
export const single = <R>(draw: (result: R) => Figure | null) => (results: readonly R[]): Figure | null =>
  results.length === 1 ? draw(results[0]) : null;

/** Tables of a kind whose results share them. */
export const combined = <R>(together: (results: readonly R[]) => Table[]) => ({
  together,
  tables: (result: R) => together([result]),
});

/** Looks of plans of shards and of checks of a machine; every feature adds its own. */
const looks: Partial<Record<Kind, Look<never>>> = {
  shards: recorded(({ shards }: ResultOf<"shards">) =>
    shards.map(({ index, stage, name, cost }) => ({ index, stage, name, flops: cost }))
  ),
  shard: oneRow(({ shard: { name }, host, seconds, made }: ResultOf<"shard">) => (
    { shard: name, host, seconds, made }
  )),
  doctor: {
    tables: doctorTable,
    rows: ({ findings }: ResultOf<"doctor">) =>
      findings.map(({ part, works, found, remedy = null }) => (
        { part, works: String(works), found, remedy }
      )),
  },
};

export function registerLooks(own: Looks): void {
  Object.assign(looks, own);
}

/** ✓ for a part that works, – for one that does not; beside it the finding, below it the remedy. */
function doctorTable({ findings }: ResultOf<"doctor">, look: TextLook = {}): Table {
  const width = Math.max(...findings.map(({ part }) => part.length));
  const [yes, no, arrow] = look.utf8 ? ["✓", "–", "→"] : ["+", "-", ">"];
  const [bold, dim] = [style(look, 1), style(look, 2)];
  const { columns = Infinity } = look;
  const indent = width + 4;
  const shown = findings.flatMap(({ part, works, found, remedy }) => [
    ...wrap(`${works ? yes : no} ${bold(part.padEnd(width))}  ${found}`, columns, indent),
    ...remedy ? wrap(`${" ".repeat(indent)}${arrow} ${remedy}`, columns, indent + 2).map(dim) : [],
  ]);
  return lines(undefined, ...shown);
}

/** Any result; its form is checked where it is read or written. */
export interface Result {
  readonly kind: Kind;
}

export const lookOf = ({ kind }: Result) => looks[kind] as Look<unknown> as Look<Result>;

export function isResult(value: object): value is Result {
  return Object.hasOwn(looks, String((value as { kind?: unknown }).kind));
}

export function tablesOf(results: readonly Result[], look: TableLook = {}): Table[] {
  if (results.length === 0) return [];
  const { tables, together } = lookOf(results[0]);
  return together?.(results) ?? results.flatMap((result) => tables(result, look));
}

export function tableText(results: readonly Result[], look: TableLook = {}): string {
  return tablesText(tablesOf(results, look), look);
}

/** Whether results of a kind have a figure. */
export const isPictured = (kind: Kind): boolean => looks[kind]?.figure !== undefined;

/** The figure of results of one kind as a file, by the path's ending. Throws `RangeError` for results without a figure. */
export async function figureFile(results: readonly Result[], path: string): Promise<Content> {
  const figure = lookOf(results[0]).figure?.(results);
  if (figure) return await pictureFile(figure, path);
  throw new RangeError("Cannot draw the result: found one without a figure, expected more plans or settings");
}

/** Results of one kind as rows for CSV and data frames: one for each module, drop, step or task. The JSON has the rest. */
export function rowsOf(results: readonly Result[]): CsvRow[] {
  return results.flatMap((result) => lookOf(result).rows(result));
}

/**
 * Returns a result, or several of one kind, as CSV text (RFC 4180) of the rows that commands write: one for each module, drop, step or
 * task. The JSON has the rest. Throws `TypeError` for results whose columns differ.
 *
 * @example
 * ```ts
 * import { profile, toCSV } from "lamina";
 *
 * const result = await profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * console.log(toCSV(result).split("\n")[0]); // the columns
 * ```
 */
export function toCSV(results: { readonly kind: Kind } | readonly { readonly kind: Kind }[]): string {
  expect("write CSV", "results", results, orElse(Array.isArray, list(anyResult, "results", 1), anyResult));
  return csvText(rowsOf([results].flat()));
}
