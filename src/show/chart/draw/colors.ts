/** Colours and shapes: one of each per kind of module, in every figure, so that neither alone carries the meaning. */

/** One colour per kind of module; distinguishable under the common colour blindnesses, dark enough for text. */
export const COLORS = {
  attention: "#1f63d6",
  mlp: "#c8440b",
  block: "#57606a",
  joint: "#7a3fb5",
  consecutive: "#12805c",
} as const;
/** For texts and other unordered categories. */
export const HUES = ["#1f63d6", "#c8440b", "#12805c", "#7a3fb5", "#946800", "#c11574"] as const;

export const INK = "#1f2328";
export const FAINT = "#656d76";
export const GRID = "#d0d7de";
export const PAPER = "#ffffff";
/** Text and lines on shades, which pages keep in every theme; texts have a halo. */
export const ON_SHADE = { ink: "#000000", halo: "#fff" } as const;

export type Shape = "circle" | "square" | "triangle" | "diamond" | "star" | "cross";

const SHAPES: Readonly<Record<keyof typeof COLORS, Shape>> = {
  attention: "circle",
  mlp: "square",
  block: "triangle",
  joint: "diamond",
  consecutive: "star",
};
/** In the order of the hues. */
const SHAPE_ORDER: readonly Shape[] = ["circle", "square", "triangle", "diamond", "star", "cross"];

/** A colour and a shape. */
export interface Look {
  readonly color: string;
  readonly shape: Shape;
}

/** How a kind of module looks. */
export function lookOf(kind: keyof typeof COLORS): Look {
  return { color: COLORS[kind], shape: SHAPES[kind] };
}

/** How the i-th of several categories looks. */
export function hueOf(i: number): Look {
  return { color: HUES[i % HUES.length], shape: SHAPE_ORDER[i % SHAPE_ORDER.length] };
}

/** The key of small panels, which have no room for labels: part of a subtitle. */
export const KEY = "blue ●: attention, orange ■: MLP";
