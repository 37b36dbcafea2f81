/** A figure of a reader's own numbers: `observe` measures them by layer, and this draws them. */
import { expect, isRecord, like, list, number, record, required, text, wholeNumber } from "core/entry/mod.ts";
import { KINDS } from "core/measure/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { airyDomain, type Axis, fewTicks, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import { hueOf, HUES, lookOfKind, variantOf } from "core/show/chart/draw/colors.ts";
import { lineChart, numbersOf } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { capital, counted, KIND_NAMES, reading } from "core/show/words/mod.ts";

/** The columns of rows that are drawn: numbers across and up, where null leaves a gap, and the names of the lines if there are several. */
export type LineColumns = Readonly<
  Record<"x" | "y", string> & {
    label?: string;
    /** The columns of both ends of an interval; null where a value has none. */
    low?: string;
    high?: string;
    /** What the figure says; default: the columns' names. */
    title?: string;
  }
>;

const orGap = like("a number or null", (value) => value === null || Number.isFinite(value));
const aName = like("a text or a number", (value) => /^[sn]/.test(typeof value));

/**
 * Draws rows of numbers as lines, one for each label, such as what `observe` measured by layer. The lines "attention", "MLP" and "block"
 * have the colours that they have in every figure. Columns named by `low` and `high` are drawn as intervals. Positive numbers that differ a
 * hundredfold get a logarithmic axis. `toCSV` writes the same rows. Throws `TypeError` for a value that is no number, `RangeError` for more
 * than 16 lines, and for one end without the other.
 *
 * @example
 * ```ts
 * import { observe } from "lamina";
 * import { linesFigure } from "lamina/figures";
 *
 * const rows: { layer: number; position: string; length: number }[] = [];
 * await observe("data/series/pre-ln/step04096", ({ layer, "a.norm": { data } }) => {
 *   rows.push({ layer, position: "first", length: data[0] }, { layer, position: "last", length: data.at(-1)! });
 * }, { values: ["a.norm"], text: "README.md", samples: 1, length: 32 });
 * const figure = linesFigure(rows, { x: "layer", y: "length", label: "position", title: "Updates grow with depth" });
 * console.log(figure.title, figure.csv.split("\n")[0], figure.data().length);
 * ```
 */
export const linesFigure: Draw<[rows: readonly object[], columns: LineColumns]> = figure("lines", {
  rows: list(like("an object", isRecord), "rows", 1),
  columns: record({ x: required(text), y: required(text), label: text, low: text, high: text, title: text }),
}, (given, { x, y, label, low, high, title }) => {
  if ((low === undefined) !== (high === undefined)) {
    throw new RangeError(
      `Cannot draw: found ${low ? "low" : "high"} alone, expected both ends of an interval`,
    );
  }
  const ends = low !== undefined && high !== undefined ? [low, high] as const : null;
  const drawn = [
    [x, number("a number")] as const,
    ...[y, ...ends ?? []].map((name) => [name, orGap] as const),
    ...label ? [[label, aName] as const] : [],
  ];
  const rows = (given as readonly CsvRow[]).map((row, i): CsvRow => {
    drawn.forEach(([name, check]) => expect("draw", `rows[${i}].${name}`, row[name], check));
    return Object.fromEntries(drawn.map(([name]) => [name, row[name]]));
  });
  const lines = [...Map.groupBy(rows, (row) => label ? String(row[label]) : y)];
  const [across, values] = [numbersOf(rows, x), numbersOf(rows, y)];
  const reached = numbersOf(rows, y, ...ends ?? []);
  expect("draw", "the number of lines", lines.length, wholeNumber(1, 16)); // their labels have room
  expect("draw", `the number of values of ${y}`, values.length, wholeNumber(1));
  const log = Math.min(...reached) > 0 && Math.max(...values) >= 100 * Math.min(...values);
  return {
    rows,
    title: title ?? `${capital(y)} by ${x}`,
    shows: [
      title !== undefined && `${capital(y)} by ${x}.`,
      label && `One line for each ${label}.`,
      ends && `Bars: from ${ends[0]} to ${ends[1]}.`,
    ],
    setting: `Your own numbers: ${counted(rows.length, "row")}`,
    reads: lines.map(([name, own]) => {
      const [low, high] = [Math.min, Math.max].map((end) => ({ measured: end(...numbersOf(own, y)) }));
      return low.measured <= high.measured && reading`${name}: ${low} to ${high}.`;
    }),
    panels: [
      lineChart(lines.map(([label, rows], i) => ({ label, rows, ...lookOf(label, i) })), x, y, {
        ...across.every((at) => Number.isInteger(at) && at >= 0) ? {} : { across: axisOf(across, x) },
        ...ends
          ? {
            ends,
            says: (row: CsvRow, of: string) => `${of || y}, ${x} ${row[x]}: ${valueText(row, y, ends)}`,
          }
          : {},
        up: log ? logAxis(logDomain(reached), `${y} (log)`) : { ...axisOf(reached, y), grid: true },
        keyed: !label,
      }),
    ],
  };
});

/** "1.50 (1.20 to 1.80)". */
function valueText(row: CsvRow, y: string, [low, high]: readonly [string, string]): string {
  const [value, from, to] = [y, low, high].map((name) => row[name] as number | null);
  const bare = from === null || to === null;
  return bare ? reading`${{ measured: value! }}` : reading`${{ value, low: from, high: to }}`;
}

function axisOf(values: readonly number[], label: string): Axis {
  const domain = airyDomain(values);
  return { domain, ticks: fewTicks(domain, 4), label, format: (at) => String(at).replace("-", "−") };
}

/** A kind of module looks as in every figure; other lines differ in hue and, from the seventh on, in dashes. */
function lookOf(label: string, i: number) {
  const kind = KINDS.find((kind) => label === kind || label === KIND_NAMES[kind]);
  return kind ? lookOfKind(kind) : { ...hueOf(i), ...variantOf(Math.floor(i / HUES.length)) };
}
