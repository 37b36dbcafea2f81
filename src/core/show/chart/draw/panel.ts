/** A panel of a figure as data: axes, cells, series and names in the units of its numbers. series_chart.ts draws it. */
import type { Axis } from "./axes.ts";
import type { Shape } from "./colors.ts";
import { textWidth } from "./text_width.ts";

/** Width of a figure in units, unless it is narrower: text of 16 units is readable on a phone, where the picture is half as wide. */
export const WIDTH = 640;

/** Where marks of points have their place. */
export const AT = { x: "x", y: "y" } as const satisfies Record<string, keyof Point>;

export interface Point {
  readonly x: number;
  /** A gap where it is null, and on a logarithmic axis where it is not positive. */
  readonly y: number | null;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** The text that appears when a pointer rests on the dot: "attention, layer 3: 0.0123". */
  readonly says?: string;
  readonly fill?: string;
}

/** Points of one colour: their intervals, a line through them, dots on it, and a label at its end. */
export interface Series {
  readonly color: string;
  readonly points: readonly Point[];
  /** Width of the line in units, 2 by default; 0 draws no line. */
  readonly width?: number;
  readonly dash?: string | undefined;
  /** Shape of the dots; without one, no dots are drawn. */
  readonly shape?: Shape;
  /** Radius of the circle of equal area. */
  readonly r?: number;
  /** Dots in outline, for a baseline. */
  readonly hollow?: boolean;
  /** Intervals as a band instead of bars. */
  readonly band?: boolean;
  /** Intervals of x instead of y. */
  readonly across?: boolean;
  readonly firm?: boolean;
  /** Whether a picture without a caption needs a key for its rings. */
  readonly ring?: boolean;
  /** The label at the end of the line. */
  readonly end?: string;
  /** A label in regular weight, for a baseline. */
  readonly plain?: boolean;
}

/** Rings around dots of outsized modules, in series that are drawn later. */
export const RING = { width: 0, shape: "circle", hollow: true, r: 8, ring: true } as const;

/** A series in which NaN marks the points that cannot be drawn. */
export interface Visible extends Series {
  readonly points: readonly (Point & { readonly y: number })[];
}

export const isDrawn = ({ y }: { readonly y: number }): boolean => !Number.isNaN(y);

export interface Cell extends Readonly<Record<"x1" | "x2" | "y1" | "y2", number>> {
  readonly fill: string;
  /** The text that appears when a pointer rests on the cell. Such cells have gaps between them; others touch. */
  readonly says?: string;
}

/** A label that is drawn if there is room for it. */
export interface Name {
  readonly text: string;
  readonly color: string;
  /** Points that the label may be placed beside, the best first. */
  readonly at: readonly { readonly x: number; readonly y: number }[];
  /** Whether it may lie on its point. */
  readonly on?: boolean;
  readonly bold?: boolean;
  readonly small?: boolean;
}

/** A line of text above a panel: its title, or a smaller note below that. */
export interface Heading {
  readonly text: string;
  readonly color?: string;
  readonly small?: boolean;
  /** Whether it may reach over the panels to the right, which have nothing there. */
  readonly across?: boolean;
}

export interface Panel {
  /** The part of the figure's width: the whole by default, else such as 1 / 2. */
  readonly part?: number;
  /** Its place in a row of panels, the first of which has the y axis for all. */
  readonly shared?: { readonly at: number; readonly of: number };
  readonly height: number;
  /** Instead of those that axes, headings and labels need. */
  readonly margins?: Partial<Record<"marginLeft" | "marginRight" | "marginTop", number>>;
  readonly x: Axis;
  readonly y: Axis;
  readonly headings?: readonly Heading[];
  readonly cells?: readonly Cell[];
  readonly pale?: number;
  readonly series?: readonly Series[];
  readonly names?: readonly Name[];
}

export interface Sized extends Panel {
  readonly width: number;
  /** Whether it has a row of its own. */
  readonly whole: boolean;
}

/** The space of a panel outside its axes, in units. */
export function frameOf(panel: Sized) {
  const { width, whole, height, x, y, headings = [], series = [], margins } = panel;
  const longest = Math.max(0, ...series.map(({ end = "", plain }) => textWidth(end, 16, !plain)));
  const lines = headings.length && y.label && !y.turned ? headings.length + 1 : headings.length;
  const size = y.small ? 14 : 16;
  return {
    width,
    height,
    marginLeft: y.names
      ? Math.min(0.45 * width, 33 + Math.max(...y.names.map((name) => textWidth(name, size))))
      : y.bare
      ? 12
      : y.turned || !whole
      ? 60
      : 66,
    marginRight: longest ? Math.min(0.44 * width, Math.max(104, 16 + longest)) : whole ? 24 : 14,
    marginTop: lines ? 26 + 18 * lines : 40,
    marginBottom: x.bare ? 12 : !x.label ? 26 : whole && !y.turned ? 50 : 46,
    ...margins,
  };
}

export type Frame = ReturnType<typeof frameOf>;

/** Panels side by side, equally wide; the first one's y axis serves all. */
export function sharing(panels: readonly Panel[]): Panel[] {
  return panels.map((panel, at) => ({ ...panel, shared: { at, of: panels.length } }));
}

/** Margins of panels that share an axis: room for the axis, the gap between neighbours, half of a step's label. */
const [AXIS, GAP, RIGHT] = [66, 12, 18];
/** Plots narrower than these, in units, get a row of their own: three in a row, whose headings have numbers, and others. */
const [NARROW_SHARED, NARROW] = [140, 110];

export function sized(panel: Panel, width: number): Sized {
  const { part = 1, shared, margins } = panel;
  const whole = { ...panel, width, whole: true };
  if (shared) {
    const { at, of } = shared;
    const inside = (width - AXIS - GAP * (of - 1)) / of - RIGHT;
    if (inside < NARROW_SHARED) return whole;
    const marginLeft = at === 0 ? AXIS : GAP;
    return {
      ...panel,
      y: { ...panel.y, bare: at > 0 },
      width: Math.floor(inside) + marginLeft + RIGHT,
      whole: false,
      margins: { marginLeft, marginRight: RIGHT, ...margins },
    };
  }
  const own = Math.floor(part * width);
  return part === 1 || own - 74 < NARROW ? whole : { ...panel, width: own, whole: false };
}
