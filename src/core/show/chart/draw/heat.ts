/** Maps of values as coloured cells, and the legends of their colours. */
import * as Plot from "@observablehq/plot";
import { formatTick } from "../../words/numbers.ts";
import { indexAxis, logTicks, reversed } from "./axes.ts";
import { type Cell, type Panel, WIDTH } from "./panel.ts";

/** Light to dark, one more than a map has edges. */
const SHADES = "#f1f6fe #d3e3fa #aecbf4 #82aeeb #558ee0 #2f6dcb #1c4f9f #0f2f5f".split(" ");

/** One cell of a map; x to the right, y downwards, both from 0. */
type HeatCell = Readonly<Record<"x" | "y" | "value", number>>;

/** A row's cells in stretches of one shade: a third of the marks, and no seams between them. */
function stretchesOf(cells: readonly HeatCell[], edges: readonly number[]): Cell[] {
  const stretches: Cell[] = [];
  for (const { x, y, value } of cells.toSorted((a, b) => a.y - b.y || a.x - b.x)) {
    const fill = SHADES[edges.filter((edge) => value >= edge).length];
    const cell = { x1: x - 0.5, x2: x + 0.5, y1: y - 0.5, y2: y + 0.5, fill };
    const last = stretches.at(-1);
    const joins = last?.x2 === cell.x1 && last.y1 === cell.y1 && last.fill === cell.fill;
    if (joins) stretches.splice(-1, 1, { ...last, x2: cell.x2 });
    else stretches.push(cell);
  }
  return stretches;
}

/** Maps of one size, two beside each other, their first rows at the top, and the legend of their shades. Edges ascend; at most seven. */
export function heatMaps(
  maps: readonly { readonly title: string; readonly cells: readonly HeatCell[] }[],
  edges: readonly number[],
  { size: [columns, rows], labels: [across, down], height }: {
    readonly size: readonly [columns: number, rows: number];
    readonly labels: readonly [x: string, y: string];
    readonly height: number;
  },
): Panel[] {
  return [
    ...maps.map(({ title, cells }) => ({
      ...{ part: 1 / 2, height, headings: [{ text: title }], cells: stretchesOf(cells, edges) },
      x: indexAxis(columns, across, WIDTH / 120),
      y: reversed({ ...indexAxis(rows, down, height / 40), turned: true }),
    })),
    legend(SHADES.slice(0, edges.length + 1), new Map(edges.map((edge, i) => [i + 1, String(edge)]))),
  ];
}

/** Colours from left to right, with the values at some of the places where one ends and the next begins. */
export function legend(
  fills: readonly string[],
  edges: ReadonlyMap<number, string>,
  label: string | null = null,
): Panel {
  return {
    height: label ? 76 : 52,
    margins: { marginLeft: 60, marginRight: 60, marginTop: 8 },
    x: { domain: [0, fills.length], ticks: [...edges.keys()], format: (place) => edges.get(place)!, label },
    y: { domain: [0, 1], bare: true },
    cells: fills.map((fill, i) => ({ x1: i, x2: i + 1, y1: 0, y2: 1, fill })),
  };
}

/** A continuous logarithmic scale of colours: the colour of a value, and its legend. */
export function logColors(domain: readonly [number, number], label: string) {
  const colors = Plot.scale({ color: { type: "log", scheme: "ylgnbu", domain: [...domain] } })!;
  const colorOf = (value: number) => colors.apply(value) as string;
  const [parts, [low, high]] = [60, domain];
  const fills = Array.from({ length: parts }, (_, i) => colorOf(low * (high / low) ** ((i + 0.5) / parts)));
  const edges = logTicks(domain).map((tick) =>
    [parts * Math.log(tick / low) / Math.log(high / low), formatTick(tick)] as const
  );
  return { colorOf, legend: legend(fills, new Map(edges), label) };
}
