/** How any value looks in a notebook: a picture, tables, or text; a result as its kind's usual figure. What cannot be seen says why. */
import { anyResult, type Provenance } from "core/result/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { type Figure, isFigure } from "core/show/chart/svg.ts";
import { sharedLines } from "core/show/words/mod.ts";
import { figureOf, isResult, lookOf, rowsOf, tablesOf } from "core/show/looks.ts";
import { recordTable, type Table } from "core/show/tables/table.ts";
import { code, expect, isPromise } from "core/entry/mod.ts";

type View =
  | { readonly picture: string; readonly title: string; readonly name?: string }
  | { readonly tables: readonly Table[] }
  | { readonly rows: readonly CsvRow[] }
  | { readonly markdown: string };

const MOST_ROWS = 500; // of a table: nobody reads more, and they make a notebook slow
const MOST_TEXT = 120; // characters of a value inside a table

/** The tables of a view that has some: records are one. */
export const tablesIn = (view: Extract<View, { readonly tables: unknown } | { readonly rows: unknown }>) =>
  "tables" in view ? view.tables : [recordTable(view.rows)];

/** Throws `TypeError` for a promise. */
export function viewOf(value: unknown): View {
  if (isPromise(value)) throw new TypeError("Cannot show a promise: await it first");
  if (typeof value === "string") {
    if (value.trim() === "") return nothing("an empty text");
    return value.trimStart().startsWith("<svg") ? { picture: value, title: "picture" } : { markdown: value };
  }
  if (typeof value === "function") return { markdown: functionText(value.name) };
  if (value === undefined || value === null) return nothing(String(value));
  if (typeof value !== "object") return { markdown: String(value) };
  if (isFigure(value)) return pictureOf(value);
  if (value instanceof Error) return { markdown: errorText(value) };
  if (value instanceof Date) return { markdown: value.toISOString() };
  if (value instanceof Map) {
    return table([...value].map(([key, entry]) => ({ key: cell(key), value: cell(entry) })), "map");
  }
  if (value instanceof Set) return list([...value], "set");
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return list([...value as unknown[]], "list");
  const seen = resultView(value);
  if (seen && "svg" in seen) return pictureOf(seen);
  if (seen) return "tables" in seen ? seen : table(seen.map(rowOf), "result");
  return table(Object.entries(value).map(([name, entry]) => ({ name, value: cell(entry) })), "object");
}

const pictureOf = ({ svg, title, name }: Figure): View => ({ picture: svg, title, name });

/** An error cites names from outside, which must not become markup. */
const errorText = ({ name, message }: Error): string => `${code(name)}: ${code(message, Infinity)}`;

function functionText(name: string): string {
  const line = `await lamina.help(${name || "it"})`;
  return `a function${name && `, ${code(name)}`}: \`${line}\` describes Lamina's functions`;
}

const nothing = (what: string): View => ({ markdown: `nothing to show: ${what}` });

/** Records are rows, the first one names the columns; of other values each is a row. */
function list(values: readonly unknown[], what: string): View {
  if (values.every(isRecord)) {
    values.forEach((value, i) => isResult(value) && expect("show", `it[${i}]`, value, anyResult));
    const seen = table(values.map((value) => rowOf(summaryOf(value) ?? value)), what);
    const notes = sharedLines(values.filter(isResult));
    return "rows" in seen && notes.length > 0 ? { tables: [{ ...recordTable(seen.rows), notes }] } : seen;
  }
  return table(values.map((value, index) => ({ index, value: cell(value) })), what);
}

function table(rows: readonly CsvRow[], what: string): View {
  if (rows.length === 0) return nothing(`an empty ${what}`);
  const columns = Object.keys(rows[0]);
  if (columns.length === 0) return nothing(`a ${what} whose first object is empty`);
  const last = { [columns[0]]: `… ${rows.length - MOST_ROWS} more` };
  const shown = rows.length > MOST_ROWS ? [...rows.slice(0, MOST_ROWS), last] : rows;
  const same = (row: CsvRow): CsvRow =>
    Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
  return { rows: shown.map(same) };
}

function rowOf(record: object): CsvRow {
  return Object.fromEntries(Object.entries(record).map(([column, value]) => [column, cell(value)]));
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function cell(value: unknown): string | number | null {
  if (typeof value === "number") return value;
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") return typeof value === "function" ? "a function" : String(value);
  if (value instanceof Date) return value.toISOString();
  const simple = (entry: unknown) => typeof entry !== "object" || entry === null;
  if (Array.isArray(value) && value.every(simple)) return shortened(value.join(" "));
  try {
    return shortened(JSON.stringify(ArrayBuffer.isView(value) ? [...value as never] : value));
  } catch {
    return "an object"; // one that holds itself
  }
}

const shortened = (text: string): string => text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;

/** A figure, tables, or records of a result, of an opened model or series; null for anything else. */
function resultView(
  value: object,
): Figure | { readonly tables: readonly Table[] } | readonly object[] | null {
  if (isResult(value)) {
    expect("show", "it", value, anyResult);
    const figure = figureOf([value]);
    if (figure) return figure;
    const tables = tablesOf([value], { utf8: true });
    return tables.some(({ head }) => head.length > 0) ? { tables } : rowsOf([value]); // some print lines alone
  }
  const { identity, checkpoints } = value as {
    identity?: object;
    checkpoints?: { step: number; name: string }[];
  };
  if (identity && "spec" in value) return [identity];
  return Array.isArray(checkpoints) ? checkpoints.map(({ step, name }) => ({ step, name })) : null;
}

/** One of several results, or of several models, in a row; null for anything else. */
function summaryOf(value: object): object | null {
  if (!isResult(value)) return "identity" in value && "spec" in value ? value.identity as object : null;
  if (lookOf(value).isOneRow) return rowsOf([value])[0];
  const { provenance, name, model } = value as { provenance?: Provenance; name?: string; model?: string };
  return {
    result: value.kind,
    model: provenance?.model.name ?? name ?? model ?? null,
    text: provenance?.text.name ?? null,
  };
}
