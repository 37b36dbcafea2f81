/** Draws panels: cells, axes (the grid, the line that means "no difference", ticks and label), then each series as its interval, its line and its dots, and labels last. */
import * as Plot from "@observablehq/plot";
import { type Axis, fewTicks, thinned } from "./axes.ts";
import { FAINT, GRID, INK, PAPER, type Shape } from "./colors.ts";
import { endLabels, headingMark, nameMarks, type Units } from "./labels.ts";
import {
  AT,
  type Cell,
  type Frame,
  frameOf,
  isDrawn,
  type Panel,
  type Point,
  type Series,
  type Sized,
  type Visible,
} from "./panel.ts";
import { fitted, textWidth } from "./text_width.ts";

/** A panel as options of Plot; `beyond` is the room to the right of it, in units. */
export function seriesChart(panel: Sized, beyond = 0): Plot.PlotOptions {
  const { headings = [], cells = [], series = [], names = [] } = panel;
  const frame = frameOf(panel);
  const { x, y } = fittingAxes(panel, frame);
  const below = headings.length && !y.turned && !y.bare && y.label
    ? [{ text: `${isDown(y) ? "↓" : "↑"} ${y.label}`, small: true }]
    : [];
  const seen = series.map((one) => ({ ...one, points: one.points.map((point) => visible(point, y)) }));
  const unitsOf = unitsIn(panel, frame);
  return {
    ...frame,
    x: scaleOf(x),
    y: scaleOf(y),
    marks: [
      ...cells.length ? [cellsMark(cells, panel.pale)] : [],
      ...yAxis(below.length ? { ...y, label: null } : y),
      ...xAxis(x),
      ...[...headings, ...below].flatMap((heading, i) =>
        heading.text ? [headingMark(heading, i, frame, beyond)] : []
      ),
      ...seen.flatMap((one) => seriesMarks(one, panel)),
      ...endLabels(seen, unitsOf, frame),
      ...nameMarks(names, seen, unitsOf, { frame, onShade: cells.length > 0 }),
    ],
  };
}

const isDown = ({ domain: [bottom, top] }: Axis): boolean => bottom > top;

/** A point, with NaN for a value that cannot be drawn. */
function visible(point: Point, { type }: Axis): Point & { readonly y: number } {
  const { y } = point;
  return { ...point, y: y === null || (type === "log" && y <= 0) ? NaN : y };
}

function scaleOf({ type = "linear", domain, constant }: Axis) {
  return { type, domain: [...domain], axis: null, ...constant === undefined ? {} : { constant } };
}

function unitsIn({ x, y }: Panel, frame: Frame): Units {
  const across = [frame.marginLeft, frame.width - frame.marginRight];
  const down = [frame.height - frame.marginBottom, frame.marginTop];
  const scaleX = Plot.scale({ x: { ...scaleOf(x), range: across } })!;
  const scaleY = Plot.scale({ y: { ...scaleOf(y), range: down } })!;
  return (x, y) => ({ x: scaleX.apply(x) as number, y: scaleY.apply(y) as number });
}

function cellsMark(cells: readonly Cell[], pale?: number): Plot.Markish {
  return Plot.rect(cells, {
    x1: "x1",
    x2: "x2",
    y1: "y1",
    y2: "y2",
    fill: "fill",
    ...pale === undefined ? {} : { fillOpacity: pale },
    ...cells.some(({ says }) => says) ? { title: "says" } : { shapeRendering: "crispEdges" }, // no seams
  });
}

function seriesMarks(series: Visible, { x, y }: Panel): Plot.Markish[] {
  const { color, points, width = 2, dash, shape } = series;
  const drawn = points.filter(isDrawn);
  const spread = drawn.filter(({ low, high }) => low !== undefined && high !== undefined);
  return [
    ...spread.length ? [series.band ? bandMark(spread, color) : barsMark(spread, series, { x, y })] : [],
    ...width > 0
      ? [
        Plot.line(points, { ...AT, stroke: color, strokeWidth: width, ...dash && { strokeDasharray: dash } }),
      ]
      : [],
    ...shape ? [dotsMark(drawn, series, shape)] : [],
  ];
}

function bandMark(points: readonly Point[], color: string): Plot.Markish {
  return Plot.areaY(points, { x: "x", y1: "low", y2: "high", fill: color, fillOpacity: 0.15 });
}

/** Bars from low to high, as far as the axis goes. */
function barsMark(
  points: readonly Point[],
  { color, across, firm }: Series,
  { x, y }: Pick<Panel, "x" | "y">,
) {
  const [least, most] = [Math.min(...(across ? x : y).domain), Math.max(...(across ? x : y).domain)];
  const inside = (value: number) => Math.min(most, Math.max(least, value));
  const look = { stroke: color, strokeWidth: 3, ...firm ? {} : { strokeOpacity: 0.35 } };
  const [low, high] = [({ low }: Point) => inside(low!), ({ high }: Point) => inside(high!)];
  return across
    ? Plot.ruleY(points, { y: "y", x1: low, x2: high, ...look })
    : Plot.ruleX(points, { x: "x", y1: low, y2: high, ...look });
}

function dotsMark(points: readonly Point[], { color, r = 3, hollow }: Series, shape: Shape) {
  const fill = points.some(({ fill }) => fill) ? "fill" : PAPER;
  return Plot.dot(points, {
    ...AT,
    symbol: shape,
    r,
    title: "says",
    ...hollow ? { fill, stroke: color, strokeWidth: 1.5 } : { fill: color },
  });
}

/** How an axis writes its ticks. The text channel: Plot thins out the formatted ticks of a logarithmic scale. */
function writing({ ticks, names, format = String, small }: Axis) {
  const write = names ? (i: number) => names[i] : format;
  return { ...ticks ? { text: write } : { tickFormat: write }, ...small ? { fontSize: 14 } : {} };
}

/** A mark of Plot's that takes values of one axis. */
type Mark = (values: readonly number[] | undefined, options: object) => Plot.Markish;

function axisMarks(axis: Axis, [grid, rule, ticks]: readonly Mark[], look: object): Plot.Markish[] {
  const rules = axis.rule === undefined || axis.rule === null ? [] : [axis.rule];
  return [
    ...axis.grid ? [grid(axis.ticks, { stroke: GRID, strokeOpacity: 1 })] : [],
    ...rules.map((at) => rule([at], { stroke: INK, ...axis.dashed ? { strokeDasharray: "4 4" } : {} })),
    ...axis.bare
      ? []
      : [ticks(axis.ticks, { color: FAINT, label: axis.label ?? null, ...look, ...writing(axis) })],
  ];
}

/** The label at the top left, or beside the axis. */
function yAxis(axis: Axis): Plot.Markish[] {
  const beside = axis.turned && !axis.bare ? axis.label : null;
  return [
    ...axisMarks(axis.turned ? { ...axis, label: null } : axis, [Plot.gridY, Plot.ruleY, Plot.axisY], {
      tickSize: 0,
      labelOffset: 42,
      labelArrow: isDown(axis) ? "down" : "up",
    }),
    ...beside
      ? [
        Plot.text([beside], {
          text: String,
          frameAnchor: "left",
          rotate: -90,
          textAnchor: "middle",
          dx: -44,
          fill: FAINT,
        }),
      ]
      : [],
  ];
}

function xAxis(axis: Axis): Plot.Markish[] {
  return axisMarks(axis, [Plot.gridX, Plot.ruleX, Plot.axisX], {
    tickSize: 4,
    labelAnchor: "center",
    labelArrow: axis.small ? "none" : "right",
  });
}

/** Axes that fit their panel: labels and names that are cut where they are too long, and no more ticks than have room. */
function fittingAxes(
  { x, y }: Sized,
  { width, marginLeft, marginRight, height, marginTop, marginBottom }: Frame,
) {
  const inside = width - marginLeft - marginRight;
  const across = 2 * Math.min(marginLeft, marginRight) + inside;
  const down = height - Math.min(marginTop, marginBottom);
  const size = x.small ? 14 : 16;
  const space = inside / (x.names?.length ?? 1);
  const own = x.ticks || x.names || x.type || inside >= NARROW ? x : { ...x, ticks: fewTicks(x.domain) };
  return {
    x: thinnedAxis({ ...shortAxis(own, across - (x.small ? 0 : ARROW), size, space - 4) }, inside, size),
    y: shortAxis(y, (y.turned ? down : width) - ARROW, 16, marginLeft - 16),
  };
}

const NARROW = 200; // units of an axis on which Plot may put a single tick
const ARROW = 28; // units for the arrow beside an axis' label

/** An axis whose label and names take at most this room. */
function shortAxis(axis: Axis, room: number, size: number, each: number): Axis {
  return {
    ...axis,
    ...axis.label ? { label: fitted(axis.label, room, size) } : {},
    ...axis.names ? { names: axis.names.map((name) => fitted(name, each, axis.small ? 14 : 16)) } : {},
  };
}

/** Every n-th tick, so that their labels do not touch. */
function thinnedAxis(axis: Axis, inside: number, size: number): Axis {
  const { ticks, names, format = String } = axis;
  if (!ticks || names || ticks.length < 2) return axis;
  const widest = ticks.reduce((most, tick) => Math.max(most, textWidth(format(tick), size)), 0);
  const most = Math.max(2, Math.floor(inside / (0.8 * widest + 6)));
  const [low, high] = axis.domain;
  const apart = axis.type ? Infinity : inside * (ticks[1] - ticks[0]) / (high - low);
  if (ticks.length <= most && apart >= 0.8 * widest + 14) return axis;
  return { ...axis, ticks: thinned(ticks, Math.min(most, Math.ceil(ticks.length / 2))) };
}
