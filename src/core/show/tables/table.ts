/** A result declares its columns once: for the text of a terminal, the HTML of a page or a notebook, and rows for CSV. */
import { formatFixed, formatNumber, KIND_NAMES } from "../words/mod.ts";
import type { Provenance } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";

type Cell = string | number | null | undefined;

/** One column. Without a title it is for machines alone, without a key for people alone. */
export interface Column<Row> {
  /** Its name in CSV, in snake_case. */
  readonly key?: string | undefined;
  readonly title?: string | undefined;
  /** The value in a row; null or undefined if it is missing. */
  readonly value: (row: Row) => Cell;
  /** The value in print; default: as it is. */
  format?(value: string | number, row: Row): string;
  /** In place of `format`: one number of decimals for the whole column, so that its smallest value has this many digits. */
  readonly digits?: number;
  /** Text is aligned left, numbers right. */
  readonly align?: "left";
}

/** A table in print, with lines above and below it; without columns, the lines alone. */
export interface Table {
  readonly title?: string;
  readonly note?: string | undefined;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Indices of columns that are aligned left. Where lines are too long, the first of them gives way first. */
  readonly left: readonly number[];
  readonly notes?: readonly string[];
}

export function tableOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Table {
  const shown = columns.filter(({ title }) => title !== undefined);
  const cells = shown.map(({ value, format = String, digits }) => {
    const values = rows.map(value);
    const write = digits === undefined ? format : fixed(decimalsFor(values, digits)) as typeof format;
    return values.map((value, r) => isMissing(value) ? "–" : write(value!, rows[r]));
  });
  return {
    head: shown.map(({ title }) => title!),
    rows: rows.map((_, r) => cells.map((column) => column[r])),
    left: shown.flatMap(({ align }, c) => align === "left" ? [c] : []),
  };
}

export function lines(title: string | undefined, ...notes: readonly string[]): Table {
  return { ...title === undefined ? {} : { title }, head: [], rows: [], left: [], notes };
}

/** Cells of a row for machines alone, by their keys. */
type Cells<Row> = (row: Row) => Readonly<Record<string, Cell>>;

/** Rows for machines, each with `origin` before its own columns. */
export function recordsOf<Row>(
  rows: readonly Row[],
  columns: readonly (Column<Row> | Cells<Row>)[],
  origin: CsvRow = {},
): CsvRow[] {
  const kept = columns.flatMap((column): Cells<Row>[] => {
    if (typeof column === "function") return [column];
    const { key, value } = column;
    return key === undefined ? [] : [(row) => ({ [key]: value(row) })];
  });
  return rows.map((row) => ({ ...origin, ...record(Object.assign({}, ...kept.map((cells) => cells(row)))) }));
}

/** A row for machines; what is missing is null. */
export function record(cells: Readonly<Record<string, Cell>>): CsvRow {
  return Object.fromEntries(Object.entries(cells).map(([key, value]) => [key, value ?? null]));
}

/** Records as a table: a column for each key, numbers on the right. */
export function recordTable(records: readonly CsvRow[]): Table {
  const keys = Object.keys(records[0] ?? {});
  const isText = (key: string) => !records.some((record) => typeof record[key] === "number");
  return tableOf(
    records,
    keys.map((key): Column<CsvRow> => ({
      title: key,
      value: (record) => record[key],
      format: (value) =>
        typeof value === "number" && !Number.isInteger(value) ? formatNumber(value) : String(value),
      ...isText(key) ? { align: "left" } : {},
    })),
  );
}

/** Tells the rows of one study from another's in the same sheet. */
export function originOf({ model, text, packing: { samples, length, skip, bos } }: Provenance): CsvRow {
  const { name, format } = model;
  return { model: name, format, text: text.name, samples, length, skip, bos: bos ? "yes" : "no" };
}

const isMissing = (value: Cell) => value === null || value === undefined || Number.isNaN(value);

/** A value that may be missing: "–". */
export function optional(value: number | null | undefined, format: (value: number) => string): string {
  return isMissing(value) ? "–" : format(value!);
}

export const fixed = (decimals: number): (value: number) => string => (value) => formatFixed(value, decimals);

/** The layers of a list by layer, or the places of any list; a row each. */
export const layersOf = (values: readonly unknown[]): number[] => values.map((_, layer) => layer);

/** Rows for machines of each kind of module: `origin`, the kind, then the columns. */
export function moduleRecords<K extends string>(
  kinds: readonly K[],
  origin: CsvRow,
  of: (kind: K) => { readonly rows: readonly number[]; readonly columns: readonly Column<number>[] },
): CsvRow[] {
  return kinds.flatMap((module) => {
    const { rows, columns } = of(module);
    return recordsOf(rows, columns, { ...origin, module });
  });
}

/** Rows for machines of each kind of module: `origin`, the kind, the layer, and lists by layer under their own names. */
export function layerRecords<K extends string>(
  kinds: readonly K[],
  origin: CsvRow,
  listsOf: (kind: K) => Readonly<Record<string, readonly (number | null)[]>>,
): CsvRow[] {
  return moduleRecords(kinds, origin, (kind) => {
    const lists = Object.entries(listsOf(kind));
    const columns = lists.map(([name, values]) => byLayer(values, { key: snakeCase(name) }));
    return { rows: layersOf(lists[0][1]), columns: [LAYER, ...columns] };
  });
}

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function layerTable(layers: readonly unknown[], columns: readonly Column<number>[]): Table {
  return tableOf(layersOf(layers), [LAYER, ...columns]);
}

export const byLayer = (
  values: readonly (number | null)[],
  rest: Omit<Column<number>, "value">,
): Column<number> => ({ value: (layer) => values[layer], ...rest });

export const LAYER: Column<number> = { key: "layer", title: "layer", value: (layer) => layer };

/** The letters of tables that compare updates with the residual stream. */
export const STREAM_NOTE =
  "x: the residual stream before the layer, X: before its MLP, a and m: the updates of attention and MLP";

export function moduleColumn<Row>(of: (row: Row) => keyof typeof KIND_NAMES): Column<Row> {
  const format = (kind: keyof typeof KIND_NAMES) => KIND_NAMES[kind];
  return { key: "module", title: "module", value: of, format, align: "left" };
}

/** Decimals that give the smallest value its digits; at most 8. */
function decimalsFor(values: readonly Cell[], digits: number): number {
  const sizes = values.flatMap((value) => typeof value === "number" && value ? [Math.abs(value)] : []);
  return Math.min(8, digits - 1 - Math.floor(Math.log10(Math.min(1, ...sizes))));
}
