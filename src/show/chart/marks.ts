/** Marks of data: every kind has a shape beside its colour, and every mark says its values where a pointer rests on it. */
import * as Plot from "@observablehq/plot";
import { COLORS } from "./axes.ts";

type Kind = keyof typeof COLORS;
export type Shape = "circle" | "square" | "triangle" | "diamond" | "star" | "cross";

/** One shape per kind of module, in every figure. */
export const SHAPES: Readonly<Record<Kind, Shape>> = {
  attention: "circle",
  mlp: "square",
  block: "triangle",
  joint: "diamond",
  consecutive: "star",
};
/** For texts and other unordered categories, in the order of the hues. */
export const SHAPE_ORDER: readonly Shape[] = ["circle", "square", "triangle", "diamond", "star", "cross"];

const GLYPHS: Readonly<Record<Kind, string>> = {
  attention: "●",
  mlp: "■",
  block: "▲",
  joint: "◆",
  consecutive: "★",
};

/** A kind's name behind its shape, as a key: "■ MLP". */
export function keyOf(kind: Kind, name: string): string {
  return `${GLYPHS[kind]} ${name}`;
}

/** How dots are drawn. */
export interface DotLook<T> {
  readonly x: string;
  readonly y: string | ((point: T) => number);
  readonly color: string;
  readonly shape: Shape;
  /** What a dot says of itself: "attention, layer 3: 0.0123". */
  readonly title: (point: T) => string;
  /** Radius of the circle of equal area. */
  readonly r?: number;
  /** In outline: for what others are compared with. */
  readonly hollow?: boolean;
  readonly opacity?: number;
  /** Moved by this many units. */
  readonly dx?: number;
  readonly dy?: number;
}

/** Dots of one kind. */
export function dots<T>(points: readonly T[], look: DotLook<T>): Plot.Dot {
  const { x, y, color, shape, title, r = 3, hollow, opacity, dx, dy } = look;
  return Plot.dot(points, {
    x,
    y,
    symbol: shape,
    r,
    title,
    ...hollow ? { fill: "#ffffff", stroke: color, strokeWidth: 1.5 } : { fill: color },
    ...opacity === undefined ? {} : { fillOpacity: opacity },
    ...dx === undefined ? {} : { dx },
    ...dy === undefined ? {} : { dy },
  });
}
