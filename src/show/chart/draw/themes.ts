/** Themes: the colours of a picture in other surroundings. Each has a counterpart of the same name; shades of maps stay as they are. */
import { COLORS, FAINT, GRID, HUES, INK, PAPER } from "./colors.ts";

/** Colours on a dark page. */
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
  [HUES[0]]: "#4cc3e0",
  [HUES[1]]: "#ff7ab8",
  [HUES[2]]: "#e0b13c",
  [HUES[3]]: "#b3b7ff",
  [HUES[4]]: "#a3d65c",
  [HUES[5]]: "#d9a679",
};

/** Black text and lines on the page's own paper, for print. */
const PRINT: Readonly<Record<string, string>> = { [INK]: "#000000", [FAINT]: "#333333", [GRID]: "#c8c8c8" };

/** Counterparts by theme. */
const THEMES = { light: {}, dark: DARK, print: PRINT } as const;
export type Theme = keyof typeof THEMES;
export const THEME_NAMES = Object.keys(THEMES) as Theme[];

/** A picture in a theme's colours. */
export function recoloured(svg: string, theme: Theme): string {
  const counterparts: Readonly<Record<string, string>> = THEMES[theme];
  return svg.replaceAll(
    /(fill|stroke)="(#[0-9a-f]{6})"/g,
    (all, part, color) => counterparts[color] ? `${part}="${counterparts[color]}"` : all,
  );
}

/** Whether a picture has a background of its own: paper has one already. */
export function hasBackground(theme: Theme): boolean {
  return theme !== "print";
}
