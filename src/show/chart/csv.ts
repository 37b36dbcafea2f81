/** Numbers as CSV (RFC 4180): one heading, "," and LF, numbers as JavaScript reads them back, nothing for null. */

/** One line by column name. */
export type CsvRow = Readonly<Record<string, string | number | null>>;

/** Rows with the columns of the first one. */
export function toCsv(rows: readonly CsvRow[]): string {
  if (rows.length === 0) return "";
  const columns = Object.keys(rows[0]);
  const line = (cells: readonly (string | number | null)[]) => cells.map(cell).join(",");
  return [line(columns), ...rows.map((row) => line(columns.map((column) => row[column])))].join("\n") + "\n";
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
