/**
 * Colours and shapes. The rule: a colour means the same in every figure, so a reader learns it once.
 *
 * - A kind of module has one colour and one shape everywhere: attention is blue with circles, the MLP orange with squares, whole
 *   blocks are grey with triangles, attention and MLPs ranked together purple with diamonds, consecutive blocks green with stars.
 * - What differs within a kind (orders, repairs, several profiles) differs in dashes and in hollow dots, never in colour.
 * - Texts, models and plans, which are no kinds of modules, have hues that no kind has.
 * - The whole model, and everything that is no measurement, has the ink's colour or is faint.
 * - Maps have one scale from light to dark, and a scale between two kinds has their two colours at its ends.
 *
 * Shapes repeat what colours say, so that neither alone carries the meaning.
 */

/** One colour per kind of module; distinguishable under the common colour blindnesses, dark enough for text. */
export const COLORS = {
  attention: "#1f63d6",
  mlp: "#c8440b",
  block: "#57606a",
  joint: "#7a3fb5",
  consecutive: "#12805c",
  types: "#00596b",
} as const;
/** For texts and other unordered categories: none of the colours above. */
export const HUES = ["#00708c", "#c11574", "#946800", "#4b4f99", "#4d7c0f", "#7a4419"] as const;

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
  types: "cross",
};
const SHAPE_ORDER: readonly Shape[] = ["circle", "square", "triangle", "diamond", "star", "cross"];

export interface Look {
  readonly color: string;
  readonly shape: Shape;
}

export const lookOf = (kind: keyof typeof COLORS): Look => ({ color: COLORS[kind], shape: SHAPES[kind] });

/** How the i-th of several categories looks. */
export function hueOf(i: number): Look {
  return { color: HUES[i % HUES.length], shape: SHAPE_ORDER[i % SHAPE_ORDER.length] };
}

/** How the i-th of several members of one kind looks beside the others: its dashes, and every second one hollow. */
export function variantOf(i: number): { readonly dash?: string; readonly hollow?: boolean } {
  const dash = ["", "6 4", "2 4", "10 4 2 4", "14 4", "10 3 2 3 2 3"][i % 6];
  return { ...dash ? { dash } : {}, ...i % 2 ? { hollow: true } : {} };
}

/** Colours on a dark page: a theme is the colours of a picture in other surroundings; shades of maps stay as they are. */
export const DARK: Readonly<Record<string, string>> = {
  [PAPER]: "#161616",
  [GRID]: "#3a3a3a",
  [INK]: "#e6e6e6",
  [FAINT]: "#a8b0b8",
  [COLORS.attention]: "#76a9ff",
  [COLORS.mlp]: "#ff9155",
  [COLORS.block]: "#a9b4bf",
  [COLORS.joint]: "#c39bff",
  [COLORS.consecutive]: "#4ecb9b",
  [COLORS.types]: "#3fb6cc",
  [HUES[0]]: "#4cc3e0",
  [HUES[1]]: "#ff7ab8",
  [HUES[2]]: "#e0b13c",
  [HUES[3]]: "#b3b7ff",
  [HUES[4]]: "#a3d65c",
  [HUES[5]]: "#d9a679",
};

/** Black text and lines on the page's own paper, for print. */
const PRINT: Readonly<Record<string, string>> = { [INK]: "#000000", [FAINT]: "#333333", [GRID]: "#c8c8c8" };

const THEMES = { light: {}, dark: DARK, print: PRINT } as const;
type Theme = keyof typeof THEMES;
export const THEME_NAMES = Object.keys(THEMES) as Theme[];

export function recoloured(svg: string, theme: Theme): string {
  const counterparts: Readonly<Record<string, string>> = THEMES[theme];
  return svg.replaceAll(
    /(fill|stroke)="(#[0-9a-f]{6})"/g,
    (all, part, color) => counterparts[color] ? `${part}="${counterparts[color]}"` : all,
  );
}
