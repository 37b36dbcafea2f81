/** Labels: above a panel, at the ends of lines instead of a legend, and beside points with room for them. Widths are estimated. */
import * as Plot from "@observablehq/plot";
import { FAINT, INK, ON_SHADE, PAPER } from "./colors.ts";
import { AT, type Frame, type Heading, isDrawn, type Name, type Visible } from "./panel.ts";
import { fitted, textWidth } from "./text_width.ts";

/** The place of a value in a panel, in units. */
export type Units = (x: number, y: number) => { readonly x: number; readonly y: number };

/** Units between a text and the edge of the picture. */
const EDGE = 4;

/** A line of text above a panel; `beyond` is the room to the right of the panel. */
export function headingMark(
  { text, color, small, across }: Heading,
  i: number,
  { marginLeft, marginTop, width }: Frame,
  beyond: number,
) {
  const left = Math.min(24, marginLeft);
  const size = small ? 14 : 16;
  return Plot.text([fitted(text, width + (across ? beyond : 0) - left - EDGE, size, !small)], {
    frameAnchor: "top-left",
    text: String,
    fill: color ?? (small ? FAINT : INK),
    ...small ? { fontSize: 14 } : { fontWeight: 600 },
    dx: left - marginLeft,
    dy: 20 + 18 * i - marginTop,
  });
}

/** A text at a point, with a halo that hides grid lines behind it. */
function textMark({ x, y }: { x: number; y: number }, text: string, options: Plot.TextOptions): Plot.Markish {
  return Plot.text([{ x, y, text }], { ...AT, text: "text", stroke: PAPER, strokeWidth: 4, ...options });
}

const AFTER = 10; // units between the end of a line and its label

/** Labels to the right of the longest line, at the heights of the lines' ends, moved apart so that none overlap. */
export function endLabels(
  series: readonly Visible[],
  unitsOf: Units,
  { width, height, marginTop, marginBottom }: Frame,
) {
  const labelled = series.flatMap(({ end, color, plain, points }) => {
    const last = points.findLast(isDrawn);
    return end && last ? [{ end, color, plain, right: points.at(-1)!.x, y: last.y }] : [];
  });
  const x = Math.max(...labelled.map(({ right }) => right));
  const heights = labelled.map(({ y }) => unitsOf(x, y).y);
  const room = labelled.length ? width - unitsOf(x, labelled[0].y).x - AFTER - EDGE : 0;
  const placed = spaced(heights, 19, [marginTop, height - marginBottom]);
  return labelled.map(({ y, end, color, plain }, i) =>
    textMark({ x, y }, fitted(end, room, 16, !plain), {
      fill: color,
      fontWeight: plain ? 400 : 600,
      textAnchor: "start",
      dx: AFTER,
      dy: placed[i] - heights[i],
    })
  );
}

/** Draws the names that cover no dot, bar, line or other name, and leaves out the rest. */
export function nameMarks(
  names: readonly Name[],
  series: readonly Visible[],
  unitsOf: Units,
  { frame: { width, height, marginLeft, marginTop, marginBottom }, onShade }: {
    readonly frame: Frame;
    readonly onShade: boolean;
  },
): Plot.Markish[] {
  const room = { left: marginLeft + 2, right: width - 4, top: marginTop, bottom: height - marginBottom };
  const marks = series.flatMap(({ points, shape, r = 3 }) => {
    const half = shape ? r + 1 : LINE;
    return points.filter(isDrawn).map((point) => ({ ...unitsOf(point.x, point.y), half }));
  });
  const around = ({ x, y, half }: typeof marks[number]) => (
    { left: x - half, right: x + half, top: y - half, bottom: y + half }
  );
  const taken: Box[] = [...marks.map(around), ...series.flatMap((own) => barsOf(own, unitsOf))];
  return names.flatMap(({ text, color, at, on, bold, small }) => {
    const fontSize = small ? 14 : 16;
    for (const { x, y } of at) {
      const point = unitsOf(x, y);
      const own = marks.filter((mark) => mark.x === point.x && mark.y === point.y).map(({ half }) => half);
      const gap = on ? 0 : Math.max(GAP, ...own.map((half) => half + AIR));
      const found = placeFor({ ...point, text, size: fontSize, gap, ...bold && { bold } }, room, taken);
      if (!found) continue;
      taken.push(found);
      const { dx, dy, textAnchor } = found;
      const colors = onShade ? { fill: ON_SHADE.ink, stroke: ON_SHADE.halo } : { fill: color };
      const look = { fontSize, ...colors, ...bold ? { fontWeight: 600 } : {} };
      return [textMark({ x, y }, text, { dx, dy, textAnchor, ...look })];
    }
    return [];
  });
}

/** The room that bars of intervals take; a band is under everything. */
function barsOf({ points, band, across }: Visible, unitsOf: Units): Box[] {
  if (band) return [];
  return points.filter(isDrawn).flatMap(({ x, y, low, high }) => {
    if (low === undefined || high === undefined) return [];
    const ends = across ? [unitsOf(low, y), unitsOf(high, y)] : [unitsOf(x, low), unitsOf(x, high)];
    const [xs, ys] = [ends.map(({ x }) => x), ends.map(({ y }) => y)];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const [right, bottom] = [Math.max(...xs), Math.max(...ys)];
    return { left: left - LINE, right: right + LINE, top: top - LINE, bottom: bottom + LINE };
  });
}

type Box = Readonly<Record<"left" | "right" | "top" | "bottom", number>>;

const AIR = 5; // units between a label and its neighbours
const GAP = 9; // units between a label and its point, unless a mark on it is larger
const LINE = 2; // units that a line takes on either side

type Placed = Pick<Name, "text" | "bold"> & Readonly<Record<"x" | "y" | "size" | "gap", number>>;

/**
 * A place for a text beside a point, inside the frame and clear of taken boxes; undefined if no place is free. Tried are right, left,
 * above, below, then the corners.
 */
function placeFor({ x, y, text, size, gap, bold }: Placed, frame: Box, taken: readonly Box[]) {
  const [width, height] = [textWidth(text, size, bold), 1.1 * size];
  const beside = gap + height / 2;
  return ([
    ...gap ? [] : [[0, 0, "middle"] as const],
    [gap, 0, "start"],
    [-gap, 0, "end"],
    [0, -beside, "middle"],
    [0, beside, "middle"],
    [gap, -beside, "start"],
    [-gap, -beside, "end"],
    [gap, beside, "start"],
    [-gap, beside, "end"],
  ] as const).map(([dx, dy, textAnchor]) => {
    const left = x + dx - (textAnchor === "start" ? 0 : textAnchor === "end" ? width : width / 2);
    const top = y + dy - height / 2;
    return { dx, dy, textAnchor, left, right: left + width, top, bottom: top + height };
  }).find(({ left, right, top, bottom }) =>
    left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom &&
    !taken.some((b) => left < b.right + AIR && b.left < right + AIR && top < b.bottom && b.top < bottom)
  );
}

/** Positions at least `gap` apart and inside the bounds where they fit, in their order, moved as little as that needs. */
export function spaced(
  positions: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a] - positions[b]);
  // Isotonic regression: of position − rank × gap, neighbours out of order share their mean.
  const groups: { sum: number; members: number[] }[] = [];
  order.forEach((index, rank) => {
    groups.push({ sum: positions[index] - rank * gap, members: [index] });
    while (groups.length > 1) {
      const [before, last] = groups.slice(-2);
      if (before.sum / before.members.length <= last.sum / last.members.length) break;
      groups.splice(-2, 2, { sum: before.sum + last.sum, members: [...before.members, ...last.members] });
    }
  });
  const placed = new Array<number>(positions.length);
  const top = high - (positions.length - 1) * gap;
  let rank = 0;
  for (const { sum, members } of groups) {
    const base = Math.max(low, Math.min(top, sum / members.length));
    for (const index of members) placed[index] = base + rank++ * gap;
  }
  return placed;
}
