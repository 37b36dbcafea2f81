/** Outlines of letters. */
import { create } from "fontkit";

/** What is used of a font. */
export interface Outlines {
  readonly familyName: string;
  readonly unitsPerEm: number;
  layout(text: string): {
    readonly advanceWidth: number;
    readonly glyphs: readonly { readonly path: Outline; readonly advanceWidth: number }[];
    readonly positions: readonly { readonly xAdvance: number; readonly xOffset: number }[];
  };
}

interface Outline {
  scale(x: number, y: number): Outline;
  translate(x: number, y: number): Outline;
  toSVG(): string;
}

/** A font from its file. Throws `Error` for a file that is none. */
export const fontkit = (file: Uint8Array): Outlines => create(file as never) as unknown as Outlines;

export function widthIn(font: Outlines, text: string, size: number): number {
  return font.layout(text).advanceWidth * size / font.unitsPerEm;
}

/** The outlines of a text as one path, its first letter at (x, y) on the baseline. */
export function outlineOf(
  font: Outlines,
  text: string,
  size: number,
  [x, y]: readonly [number, number],
): string {
  const { glyphs, positions } = font.layout(text);
  const scale = size / font.unitsPerEm;
  let at = x;
  return glyphs.map(({ path }, i) => {
    const drawn = path.scale(scale, -scale).translate(at + positions[i].xOffset * scale, y).toSVG();
    at += positions[i].xAdvance * scale;
    return drawn;
  }).join("");
}
