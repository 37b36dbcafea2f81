/** Breaks the texts of a figure into lines. Text is never measured: widths are estimated, generously. */
import { textWidth } from "./text_width.ts";

/** Units at both sides of the text. */
export const MARGIN = 24;

/** The letters of a line: their size in units, and whether they are bold. */
export interface Letters {
  readonly size: number;
  readonly bold?: boolean;
}

/** Lines no wider than a picture of this width. */
export function wrap(text: string, width: number, letters: Letters): string[] {
  return wrapped(text, width - 2 * MARGIN, letters);
}

/** The same number of lines, of about equal width, so that no word is left alone. */
export function balanced(text: string, width: number, letters: Letters): string[] {
  const lines = wrap(text, width, letters);
  const widthOf = (line: string) => textWidth(line, letters.size, letters.bold);
  const widest = Math.max(...lines.map(widthOf));
  for (let room = widthOf(text) / lines.length; room < widest; room += letters.size / 2) {
    const other = wrapped(text, room, letters);
    if (other.length === lines.length && other.every((line) => widthOf(line) <= widest)) return other;
  }
  return lines;
}

/** Lines of at most this width, broken at spaces, or inside a word that is wider; a number and its unit stay together. */
function wrapped(text: string, room: number, { size, bold = false }: Letters): string[] {
  const lines = [""];
  const fits = (line: string) => textWidth(line, size, bold) <= room;
  for (const word of text.replaceAll(/(?<=\d) (?=[%×])|(?<=[×±]) /g, "\u00a0").split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (fits(longer)) lines[lines.length - 1] = longer;
    else lines.push(...piecesOf(word, fits));
  }
  return lines.filter((line) => line !== "");
}

/** A word in pieces that fit. */
function piecesOf(word: string, fits: (piece: string) => boolean): string[] {
  const pieces = [""];
  for (const letter of word) {
    const longer = pieces.at(-1) + letter;
    if (pieces.at(-1) === "" || fits(longer)) pieces[pieces.length - 1] = longer;
    else pieces.push(letter);
  }
  return pieces;
}
