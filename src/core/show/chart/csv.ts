/**
 * Numbers as CSV (RFC 4180): one heading, "," and LF, numbers as JavaScript reads them back, nothing for null.
 *
 * Text is others': a spreadsheet takes a cell that begins with "=", "+", "-" or "@" for a formula, and runs it. Such text gets
 * an apostrophe before it, which spreadsheets take for "this is text"; numbers stay as they are.
 */
import { plain } from "../../entry/mod.ts";

/** One row, keyed by column name. */
export type CsvRow = Readonly<Record<string, string | number | null>>;

/** Rows with the columns of the first one. Throws `TypeError` where a row has others. */
export function csvText(rows: readonly CsvRow[]): string {
  if (rows.length === 0) return "";
  const columns = Object.keys(rows[0]);
  const line = (cells: readonly (string | number | null)[]) => cells.map(cell).join(",");
  const lines = rows.map((row, i) => {
    const own = Object.keys(row);
    if (own.length !== columns.length || own.some((column) => !columns.includes(column))) {
      throw new TypeError(`Cannot write CSV: row ${i} has the columns ${own}, expected ${columns}`);
    }
    return line(columns.map((column) => row[column]));
  });
  return [line(columns), ...lines].join("\n") + "\n";
}

function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const own = plain(value);
  const isFormula = /^\s*[=@]/.test(own) || (/^\s*[+-]/.test(own) && !Number.isFinite(Number(own)));
  const text = isFormula ? `'${own}` : own;
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
