/** Panels of rows. A channel is the name of a column; a row whose value is missing leaves a gap in a line, and no dot. */
import { type ModuleKind, MODULES } from "../../measure/mod.ts";
import { formatNumber, KIND_NAMES, reading } from "../words/mod.ts";
import type { CsvRow } from "./csv.ts";
import {
  type Axis,
  indexAxis,
  linearAxis,
  logAxis,
  logDomain,
  namesAxis,
  reversed,
  withZero,
} from "./draw/axes.ts";
import { type LineLook, lookOfKind } from "./draw/colors.ts";
import type { KeyEntry } from "./draw/key.ts";
import { type Panel, type Point, RING, type Series } from "./draw/panel.ts";

type Column<Row> = keyof Row & string;

/** Rows that are drawn alike. */
export interface Group<Row> extends Partial<Pick<Series, "dash" | "hollow" | "width" | "shape" | "band">> {
  readonly label: string;
  readonly color: string;
  readonly rows: readonly Row[];
}

export function byKind<Row extends CsvRow>(
  rows: readonly Row[],
): (Group<Row> & LineLook & { readonly kind: ModuleKind })[] {
  return [...Map.groupBy(rows, ({ module }) => module as ModuleKind)]
    .map(([kind, rows]) => ({ kind, label: KIND_NAMES[kind], ...lookOfKind(kind), rows }));
}

/** The key of small panels, which have no room for labels at the ends of lines. */
export const MODULE_KEY: readonly KeyEntry[] = MODULES.map((kind) => (
  { label: KIND_NAMES[kind], ...lookOfKind(kind) }
));

/** A number of a row; null where it has none. Throws `TypeError` for a column that the row lacks. */
function numberOf<Row extends CsvRow>(row: Row, column: Column<Row>): number | null {
  if (!Object.hasOwn(row, column)) {
    throw new TypeError(
      `Cannot draw ${column}: found no such column, expected one of ${Object.keys(row).join(", ")}`,
    );
  }
  const value = row[column];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export const numbersOf = <Row extends CsvRow>(rows: readonly Row[], ...columns: Column<Row>[]): number[] =>
  rows.flatMap((row) => columns.flatMap((column) => numberOf(row, column) ?? []));

type Frame = Partial<Pick<Panel, "height" | "part" | "headings" | "margins">>;

/** Lines through rows, labelled at their ends, with bars or bands of ± 1 standard error or from low to high, and rings around some dots. */
export function lineChart<Row extends CsvRow>(
  groups: readonly Group<Row>[],
  x: Column<Row>,
  y: Column<Row>,
  channels: Frame & {
    readonly error?: Column<Row> | undefined;
    readonly ends?: readonly [low: Column<Row>, high: Column<Row>];
    readonly across?: Axis;
    readonly up: Axis | ((ends: readonly number[], values: readonly number[]) => Axis);
    readonly r?: number;
    readonly rings?: ((row: Row) => boolean) | undefined;
    /** Whether a key names the lines instead of labels at their ends. */
    readonly keyed?: boolean;
    /** Where a pointer rests; default: the value with its error, by layer or step. */
    readonly says?: (row: Row, label: string) => string;
  },
): Panel {
  const { error, ends, across, up, says, r, rings, keyed, ...panel } = channels;
  const endsOf = (row: Row, at: number): Pick<Point, "low" | "high"> => {
    const half = (error && numberOf(row, error)) || 0;
    const [low, high] = ends
      ? ends.map((end) => numberOf(row, end))
      : half > 0
      ? [at - half, at + half]
      : [null, null];
    return low === null || high === null ? {} : { low, high };
  };
  const drawn = groups.map(({ rows, label, ...look }) => {
    const sorted = rows.toSorted((a, b) => numberOf(a, x)! - numberOf(b, x)!);
    const points = sorted.map((row): Point => {
      const at = numberOf(row, y);
      if (at === null) return { x: numberOf(row, x)!, y: at };
      const bar = endsOf(row, at);
      const { low = null, high = null } = bar;
      const value = ends
        ? reading`${{ value: at, low, high, decimals: 2 }}`
        : `${formatNumber(at)}${low === null ? "" : ` ± ${formatNumber(numberOf(row, error!)!)}`}`;
      const place = row.layer === undefined ? `${x} ${row[x]}` : `layer ${row.layer}`;
      return {
        x: numberOf(row, x)!,
        y: at,
        says: says ? says(row, label) : `${label}, ${place}: ${value}`,
        ...bar,
      };
    });
    const ringed = rings ? points.filter((_, i) => rings(sorted[i])).map(({ x, y }) => ({ x, y })) : [];
    const series: Series = {
      ...look,
      ...r === undefined ? {} : { r },
      points,
      ...keyed ? {} : { end: label },
    };
    return { series, rings: ringed.length > 0 ? [{ color: look.color, points: ringed, ...RING }] : [] };
  });
  const points = drawn.flatMap(({ series }) => series.points);
  const values = points.flatMap(({ y }) => y ?? []);
  const bars = points.flatMap(({ y, low, high }) => y === null ? [] : [low ?? y, high ?? y]);
  const places = 1 + Math.max(...groups.flatMap(({ rows }) => numbersOf(rows, x)));
  return {
    height: 400,
    ...panel,
    x: across ?? indexAxis(places, x),
    y: typeof up === "function" ? up([...bars, ...values], values) : up,
    series: [...drawn.flatMap(({ rings }) => rings), ...drawn.map(({ series }) => series)],
  };
}

/** A value in the row at this place, with its interval if it has one. */
type Dot =
  & (LineLook & Pick<Series, "end">)
  & Readonly<{ at: number; value: number; low?: number | null; high?: number | null; says: string }>;

/** Dots in named rows from top to bottom, with intervals along the x axis, which the last of several panels has for all. */
export function dotPlot(
  names: readonly string[],
  dots: readonly Dot[],
  { x, isLast = true, ...frame }: Frame & { readonly x: Axis; readonly isLast?: boolean },
): Panel {
  return {
    height: 44 + 26 * names.length + (isLast ? 50 : 12),
    ...frame,
    x: { ...x, bare: !isLast },
    y: { ...reversed(namesAxis(names)), small: true },
    series: dots.map(({ at, value, low, high, says, ...look }) => {
      const ends = low == null || high == null ? {} : { low, high };
      const points = [{ x: value, y: at, says, ...ends }, { x: x.domain[1], y: null }];
      return { ...look, points, width: 0, r: 4.5, across: true, plain: true };
    }),
  };
}

/** The axis of a rank correlation. */
export const rankAxis = (label: string): Axis => (
  { ...linearAxis([-1.03, 1.03], label), ticks: [-1, -0.5, 0, 0.5, 1] }
);

/** A y axis from zero for the ends of all bars, or a logarithmic one for the values. */
export const upFrom =
  (label: string, { log = false } = {}) =>
  (ends: readonly number[], values: readonly number[] = ends): Axis =>
    log ? logAxis(logDomain(values), label) : linearAxis(withZero(ends), label);
