/**
 * Colours and shapes. The rule: a colour means the same in every figure, so a reader learns it once.
 *
 * - A kind of module has one colour and one shape everywhere: attention is blue with circles, the MLP orange with squares, whole
 *   blocks are grey with triangles, attention and MLPs ranked together purple with diamonds, consecutive blocks green with stars.
 * - What differs within a kind (orders, several profiles) differs in dashes and in hollow dots, never in colour.
 * - Texts, models, plans and repairs, which are no kinds of modules, have hues that no kind has.
 * - The whole model, and everything that is no measurement, has the ink's colour or is faint.
 * - Maps have one scale from light to dark, and a scale between two kinds has their two colours at its ends.
 *
 * Shapes repeat what colours say, so that neither alone carries the meaning.
 */
import { eachOf } from "../../../entry/mod.ts";

export type Shape = "circle" | "square" | "triangle" | "diamond" | "star" | "cross";

/** Each kind of module: its colour, distinguishable under the common colour blindnesses and dark enough for text, on a dark page, and its shape. */
const KINDS = {
  attention: ["#1f63d6", "#76a9ff", "circle"],
  mlp: ["#c8440b", "#ff9155", "square"],
  block: ["#57606a", "#a9b4bf", "triangle"],
  joint: ["#7a3fb5", "#c39bff", "diamond"],
  consecutive: ["#12805c", "#4ecb9b", "star"],
  types: ["#00596b", "#3fb6cc", "cross"],
} as const satisfies Readonly<Record<string, readonly [color: string, dark: string, shape: Shape]>>;
type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];
export const COLORS: Readonly<Record<Kind, string>> = eachOf(NAMES, (kind) => KINDS[kind][0]);

/** For texts and other unordered categories, none of the colours above: on a light page, and on a dark one. */
const CATEGORIES = [
  ["#00708c", "#4cc3e0"],
  ["#c11574", "#ff7ab8"],
  ["#946800", "#e0b13c"],
  ["#4b4f99", "#b3b7ff"],
  ["#4d7c0f", "#a3d65c"],
  ["#7a4419", "#d9a679"],
] as const;
export const HUES: readonly string[] = CATEGORIES.map(([color]) => color);

export const INK = "#1f2328";
export const FAINT = "#656d76";
export const GRID = "#d0d7de";
export const PAPER = "#ffffff";
/** From orange to blue, the colours of the MLP and of attention, over light ones. */
export const SHADES = "#a63603 #d9662b #f2a477 #fbe3d6 #dce8fb #94b8f2 #4a85e0 #1f4fa8".split(" ");
/** Text and lines on shades, which pages keep in every theme; texts have a halo. */
export const ON_SHADE = { ink: "#000000", halo: "#fff" } as const;

export type LineLook = { readonly color: string; readonly shape: Shape };

export const lookOfKind = (kind: Kind): LineLook => ({ color: COLORS[kind], shape: KINDS[kind][2] });

/** How the i-th of several categories looks. */
export function hueOf(i: number): LineLook {
  return { color: HUES[i % HUES.length], shape: KINDS[NAMES[i % NAMES.length]][2] };
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
  ...Object.fromEntries([...Object.values(KINDS), ...CATEGORIES]),
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
