/** How results of each kind look, the other half of its manifest: tables in print, rows for CSV and data frames, a figure. */
import type { Content } from "../disk/mod.ts";
import {
  type AnyKind,
  doctorKind,
  type OfKind,
  receiptKind,
  type Result,
  shardsKind,
} from "../result/mod.ts";
import type { CsvRow } from "./chart/csv.ts";
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
  /** A result in print, or any number where they share a table. */
  tables?(result: R, look: TableLook): Table | Table[];
  together?(results: readonly R[]): Table[];
  rows(result: R): CsvRow[];
  readonly isOneRow?: boolean;
  /** The figure of a kind that is better seen than read, of one result or of any number; null for results that have none. */
  figure?(result: R): Figure | null;
  figures?(results: readonly R[]): Figure | null;
}

export type Looks = readonly (readonly [kind: string, Look<never>])[];

/** How results of a kind look. */
export const look = <K extends AnyKind>({ name }: K, own: Look<OfKind<K>>) => [name, own] as const;

/** The look of a kind whose table has one record for each entry; it may have a figure. */
export const recorded = <K extends AnyKind>(
  kind: K,
  rows: (result: OfKind<K>) => CsvRow[],
  figure?: Look<OfKind<K>>["figure"],
) => look(kind, { tables: (result) => recordTable(rows(result)), rows, ...figure ? { figure } : {} });

/** One record for a result. */
export function oneRow<K extends AnyKind>(kind: K, row: (result: OfKind<K>) => CsvRow) {
  const rows = (result: OfKind<K>) => [row(result)];
  return look(kind, { tables: (result) => recordTable(rows(result)), rows, isOneRow: true });
}

/** Looks of plans of shards and of checks of a machine; every feature adds its own. */
const looks = new Map<string, Look<never>>([
  recorded(
    shardsKind,
    ({ shards }) => shards.map(({ index, stage, name, cost }) => ({ index, stage, name, flops: cost })),
  ),
  oneRow(receiptKind, ({ shard: { name }, host, seconds, made }) => ({ shard: name, host, seconds, made })),
  look(doctorKind, {
    tables: doctorTable,
    rows: ({ findings }) =>
      findings.map(({ part, works, found, remedy = null }) => (
        { part, works: String(works), found, remedy }
      )),
  }),
]);

export function registerLooks(own: Looks): void {
  for (const [kind, look] of own) looks.set(kind, look);
}

/** ✓ for a part that works, – for one that does not; beside it the finding, below it the remedy. */
function doctorTable({ findings }: OfKind<typeof doctorKind>, look: TextLook = {}): Table {
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

export const lookOf = ({ kind }: Result) => looks.get(kind) as Look<unknown> as Look<Result>;

export const isResult = (value: object): value is Result => looks.has((value as Result).kind);

export function tablesOf(results: readonly Result[], look: TableLook = {}): Table[] {
  if (results.length === 0) return [];
  const { tables, together } = lookOf(results[0]);
  return together?.(results) ?? results.flatMap((result) => tables!(result, look));
}

export function tableText(results: readonly Result[], look: TableLook = {}): string {
  return tablesText(tablesOf(results, look), look);
}

/** Whether results of a kind have a figure. */
export const isPictured = (kind: string): boolean =>
  (looks.get(kind)?.figure ?? looks.get(kind)?.figures) !== undefined;

/** The figure of results of one kind; null where there is none. */
export function figureOf(results: readonly Result[]): Figure | null {
  const { figure, figures } = lookOf(results[0]);
  return figures?.(results) ?? (results.length === 1 && figure?.(results[0]) || null);
}

/** The figure of results of one kind as a file, by the path's ending. Throws `RangeError` for results without a figure. */
export async function figureFile(results: readonly Result[], path: string): Promise<Content> {
  const figure = figureOf(results);
  if (figure) return await pictureFile(figure, path);
  throw new RangeError("Cannot draw the result: found one without a figure, expected more plans or settings");
}

/** Results of one kind as rows for CSV and data frames: one for each module, drop, step or task. The JSON has the rest. */
export function rowsOf(results: readonly Result[]): CsvRow[] {
  return results.flatMap((result) => lookOf(result).rows(result));
}
