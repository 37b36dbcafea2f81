/** Draws panels: cells, axes, then each series as its interval, its line and its dots, and labels last. */
import * as Plot from "@observablehq/plot";
import type { Axis } from "./axes.ts";
import { FAINT, GRID, INK, ON_SHADE, PAPER } from "./colors.ts";
import { around, type Box, placeFor, spaced } from "./labels.ts";
import { type Cell, frameOf, type Heading, type Name, type Panel, type Point, type Series } from "./panel.ts";

type Frame = ReturnType<typeof frameOf>;
/** A place in a panel, in units. */
type Place = (x: number, y: number) => { readonly x: number; readonly y: number };

/** A panel as options of Plot. */
export function seriesChart(panel: Panel): Plot.PlotOptions {
  const { x, y, headings = [], cells = [], series = [], names = [] } = panel;
  const frame = frameOf(panel);
  const below = headings.length && !y.turned && !y.bare && y.label
    ? [{ text: `↑ ${y.label}`, small: true }]
    : [];
  const seen = series.map((one) => ({ ...one, points: one.points.map((point) => visible(point, y)) }));
  const place = placeIn(panel, frame);
  return {
    ...frame,
    x: scaleOf(x),
    y: scaleOf(y),
    marks: [
      ...cells.length ? [cellsMark(cells, panel.pale)] : [],
      ...yAxis(below.length ? { ...y, label: null } : y),
      ...xAxis(x),
      ...[...headings, ...below].flatMap((heading, i) =>
        heading.text ? [headingMark(heading, i, frame)] : []
      ),
      ...seen.flatMap((one) => seriesMarks(one, panel)),
      ...endLabels(seen, place, frame),
      ...nameMarks(names, seen, place, { frame, onShade: cells.length > 0 }),
    ],
  };
}

/** A point with NaN where nothing can be drawn. */
function visible(point: Point, { type }: Axis): Point & { readonly y: number } {
  const { y } = point;
  return { ...point, y: y === null || (type === "log" && y <= 0) ? NaN : y };
}

const isDrawn = ({ y }: { readonly y: number }) => !Number.isNaN(y);

function scaleOf({ type = "linear", domain, constant }: Axis) {
  return { type, domain: [...domain], axis: null, ...constant === undefined ? {} : { constant } };
}

function placeIn({ x, y }: Panel, frame: Frame): Place {
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
    ...cells.some(({ says }) => says) ? { title: "says" } : {},
    shapeRendering: "crispEdges",
  });
}

/** How an axis writes its ticks. The text channel: Plot thins out the formatted ticks of a logarithmic scale. */
function writing({ ticks, names, format = String, small }: Axis) {
  const write = names ? (i: number) => names[i] : format;
  return { ...ticks ? { text: write } : { tickFormat: write }, ...small ? { fontSize: 14 } : {} };
}

const rulesOf = ({ rule, dashed }: Axis) => ({
  at: rule === undefined || rule === null ? [] : [rule],
  look: { stroke: INK, ...dashed ? { strokeDasharray: "4 4" } : {} },
});

/** The label at the top left, or beside the axis. */
function yAxis(axis: Axis): Plot.Markish[] {
  const { ticks, label = null, grid, turned, bare } = axis;
  const { at, look } = rulesOf(axis);
  return [
    ...grid ? [Plot.gridY(ticks, { stroke: GRID, strokeOpacity: 1 })] : [],
    ...at.length ? [Plot.ruleY(at, look)] : [],
    ...bare ? [] : [Plot.axisY(ticks, {
      color: FAINT,
      tickSize: 0,
      labelOffset: 42,
      labelArrow: "up",
      label: turned ? null : label,
      ...writing(axis),
    })],
    ...turned && label && !bare
      ? [Plot.text([label], {
        frameAnchor: "left",
        text: String,
        rotate: -90,
        textAnchor: "middle",
        dx: -44,
        fill: FAINT,
      })]
      : [],
  ];
}

/** The label in the middle. */
function xAxis(axis: Axis): Plot.Markish[] {
  const { ticks, label = null, grid, bare, small } = axis;
  const { at, look } = rulesOf(axis);
  return [
    ...grid ? [Plot.gridX(ticks, { stroke: GRID, strokeOpacity: 1 })] : [],
    ...at.length ? [Plot.ruleX(at, look)] : [],
    ...bare ? [] : [Plot.axisX(ticks, {
      color: FAINT,
      tickSize: 4,
      labelAnchor: "center",
      labelArrow: small ? "none" : "right",
      label,
      ...writing(axis),
    })],
  ];
}

function headingMark({ text, color, small }: Heading, i: number, { marginLeft, marginTop }: Frame) {
  return Plot.text([text], {
    frameAnchor: "top-left",
    text: String,
    fill: color ?? (small ? FAINT : INK),
    ...small ? { fontSize: 14 } : { fontWeight: 600 },
    dx: Math.min(24, marginLeft) - marginLeft,
    dy: 20 + 18 * i - marginTop,
  });
}

type Seen = Omit<Series, "points"> & { readonly points: readonly (Point & { readonly y: number })[] };

function seriesMarks(series: Seen, { x, y }: Panel): Plot.Markish[] {
  const { color, points, width = 2, dash, opacity, shape } = series;
  const drawn = points.filter(isDrawn);
  const spread = drawn.filter(({ low, high }) => low !== undefined && high !== undefined);
  return [
    ...spread.length ? [series.band ? bandMark(spread, color) : barsMark(spread, series, { x, y })] : [],
    ...width > 0
      ? [Plot.line(points, {
        x: "x",
        y: "y",
        stroke: color,
        strokeWidth: width,
        ...dash && { strokeDasharray: dash },
        ...opacity === undefined ? {} : { strokeOpacity: opacity },
      })]
      : [],
    ...shape ? [dotsMark(drawn, series, shape)] : [],
  ];
}

function bandMark(points: readonly Point[], color: string): Plot.Markish {
  return Plot.areaY(points, { x: "x", y1: "low", y2: "high", fill: color, fillOpacity: 0.15 });
}

/** Bars from low to high, as far as the axis goes. */
function barsMark(points: readonly Point[], { color, across, firm }: Seen, { x, y }: Pick<Panel, "x" | "y">) {
  const [least, most] = [Math.min(...(across ? x : y).domain), Math.max(...(across ? x : y).domain)];
  const inside = (value: number) => Math.min(most, Math.max(least, value));
  const look = { stroke: color, strokeWidth: 3, ...firm ? {} : { strokeOpacity: 0.35 } };
  const [low, high] = [({ low }: Point) => inside(low!), ({ high }: Point) => inside(high!)];
  return across
    ? Plot.ruleY(points, { y: "y", x1: low, x2: high, ...look })
    : Plot.ruleX(points, { x: "x", y1: low, y2: high, ...look });
}

function dotsMark(points: readonly Point[], { color, r = 3, hollow, opacity }: Seen, shape: string) {
  const fill = points.some(({ fill }) => fill) ? "fill" : PAPER;
  return Plot.dot(points, {
    x: "x",
    y: "y",
    symbol: shape as Plot.SymbolType,
    r,
    title: "says",
    ...hollow ? { fill, stroke: color, strokeWidth: 1.5 } : { fill: color },
    ...opacity === undefined ? {} : { fillOpacity: opacity },
  });
}

/** Labels to the right of the longest line, at the heights of the lines' ends, moved apart so that none overlap. */
function endLabels(series: readonly Seen[], place: Place, frame: Frame): Plot.Markish[] {
  const labelled = series.flatMap(({ end, color, plain, points }) => {
    const last = points.findLast(isDrawn);
    return end && last ? [{ text: end, x: points.at(-1)!.x, y: last.y, color, plain }] : [];
  });
  const x = Math.max(...labelled.map((label) => label.x));
  const heights = labelled.map(({ y }) => place(x, y).y);
  const bounds = [frame.marginTop, frame.height - frame.marginBottom] as const;
  const placed = spaced(heights, 19, bounds);
  return labelled.map(({ y, text, color, plain }, i) =>
    Plot.text([{ x, y, text }], {
      x: "x",
      y: "y",
      text: "text",
      fill: color,
      fontWeight: plain ? 400 : 600,
      stroke: PAPER, // over the ends of grid lines
      strokeWidth: 4,
      textAnchor: "start",
      dx: 10,
      dy: placed[i] - heights[i],
    })
  );
}

/** Names that cover no dot, no point of a line and no other name; the others are left out. */
function nameMarks(
  names: readonly Name[],
  series: readonly Seen[],
  place: Place,
  { frame, onShade }: { readonly frame: Frame; readonly onShade: boolean },
): Plot.Markish[] {
  const room: Box = {
    left: frame.marginLeft + 2,
    right: frame.width - 4,
    top: frame.marginTop,
    bottom: frame.height - frame.marginBottom,
  };
  const taken = series.flatMap(({ points, shape, r = 3 }) =>
    points.filter(isDrawn).map(({ x, y }) => around(place(x, y), shape ? r + 1 : 2))
  );
  return names.flatMap(({ text, color, at, bold, small }) => {
    const size = small ? 14 : 16;
    for (const { x, y } of at) {
      const found = placeFor({ ...place(x, y), text, size }, room, taken);
      if (!found) continue;
      taken.push(found);
      const { dx, dy, textAnchor } = found;
      return [Plot.text([{ x, y, text }], {
        x: "x",
        y: "y",
        text: "text",
        dx,
        dy,
        textAnchor,
        fontSize: size,
        fill: onShade ? ON_SHADE.ink : color,
        stroke: onShade ? ON_SHADE.halo : PAPER,
        strokeWidth: 4,
        ...bold ? { fontWeight: 600 } : {},
      })];
    }
    return [];
  });
}
