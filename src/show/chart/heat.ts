/** Maps of values as coloured cells, in steps: a continuous scale's legend would need a canvas. */
import * as Plot from "@observablehq/plot";
import { AXIS_X, AXIS_Y, countTicks } from "./axes.ts";
import { FAINT, INK, WIDTH } from "./svg.ts";

/** Light to dark, one more than there are edges. */
export const SHADES = [
  "#f1f6fe",
  "#d3e3fa",
  "#aecbf4",
  "#82aeeb",
  "#558ee0",
  "#2f6dcb",
  "#1c4f9f",
  "#0f2f5f",
] as const;

/** One cell of a map; x to the right, y downwards, both from 0. */
export interface Cell {
  readonly x: number;
  readonly y: number;
  readonly value: number;
}

/** What a map is of. */
export interface HeatPanel {
  readonly title: string;
  readonly cells: readonly Cell[];
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
  /** Labels of the axes. */
  readonly label: string;
  readonly rowLabel: string;
  /** Names of the rows instead of their numbers. */
  readonly names?: readonly string[];
}

/** The step of a value among ascending edges. */
export function shadeOf(value: number, edges: readonly number[]): string {
  return SHADES[edges.filter((edge) => value >= edge).length];
}

/** Neighbours in a row that have the same shade, as one. */
interface Stretch {
  readonly from: number;
  to: number;
  readonly top: number;
  readonly bottom: number;
  readonly shade: string;
}

/** A row's cells in stretches of one shade: a third of the marks, and no seams between them. */
function stretchesOf(cells: readonly Cell[], edges: readonly number[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { x, y, value } of cells.toSorted((a, b) => a.y - b.y || a.x - b.x)) {
    const shade = shadeOf(value, edges);
    const last = stretches.at(-1);
    if (last?.to === x - 0.5 && last.top === y - 0.5 && last.shade === shade) last.to = x + 0.5;
    else stretches.push({ from: x - 0.5, to: x + 0.5, top: y - 0.5, bottom: y + 0.5, shade });
  }
  return stretches;
}

/** A map. At most seven edges. */
export function heatPanel(panel: HeatPanel, edges: readonly number[]): Plot.PlotOptions {
  const { title, cells, columns, rows, width, height, label, rowLabel, names } = panel;
  return {
    width,
    height,
    marginLeft: names ? 86 : 60,
    marginRight: 14,
    marginTop: 44,
    marginBottom: 46,
    x: { domain: [-0.5, columns - 0.5] },
    y: { domain: [-0.5, rows - 0.5], reverse: true },
    marks: [
      Plot.rect(stretchesOf(cells, edges), { x1: "from", x2: "to", y1: "top", y2: "bottom", fill: "shade" }),
      Plot.axisX(countTicks(columns - 1, width / 60), { ...AXIS_X, tickFormat: String, label }),
      names
        ? Plot.axisY(names.map((_, i) => i), {
          tickSize: 0,
          fontSize: 14,
          label: null,
          tickFormat: (i: number) => names[i],
        })
        : Plot.axisY(countTicks(rows - 1, height / 40), {
          ...AXIS_Y,
          tickFormat: String,
          label: null,
        }),
      ...names ? [] : [Plot.text([rowLabel], {
        frameAnchor: "left",
        text: String,
        rotate: -90,
        textAnchor: "middle",
        dx: -44,
        fill: FAINT,
      })],
      Plot.text([title], {
        frameAnchor: "top-left",
        text: String,
        fontWeight: 600,
        dx: names ? -62 : -36,
        dy: -24,
        fill: INK,
      }),
    ],
  };
}

/** What the shades stand for. */
export function heatLegend(edges: readonly number[], format: (edge: number) => string): Plot.PlotOptions {
  const steps = Array.from({ length: edges.length + 1 }, (_, i) => i);
  return {
    width: WIDTH,
    height: 52,
    marginLeft: 60,
    marginRight: 60,
    marginTop: 8,
    marginBottom: 26,
    x: { domain: [0, steps.length] },
    y: { domain: [0, 1], axis: null },
    marks: [
      Plot.rect(steps, {
        x1: (i: number) => i,
        x2: (i: number) => i + 1,
        y1: 0,
        y2: 1,
        fill: (i: number) => SHADES[i],
      }),
      Plot.axisX(edges.map((_, i) => i + 1), {
        ...AXIS_X,
        label: null,
        tickFormat: (i: number) => format(edges[i - 1]),
      }),
    ],
  };
}
