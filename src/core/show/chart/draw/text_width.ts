/**
 * How wide a text is at most. A picture is drawn where its font is unknown, so letters count as the widest common sans serif has them
 * (DejaVu Sans); those of Arimo, Helvetica and Roboto are narrower.
 */
/** Widths in em, the narrowest letters first; a letter that is in no row is a small one. */
const ROWS: readonly (readonly [letters: RegExp, em: number])[] = [
  [/[ijlI1|.,:;'’!ftrJ()[\]{}/\\ \u00a0-]/u, 0.42],
  [/[0-9?*$§]/, 0.64],
  [/[±×−+=<>≤≥~‖]/, 0.84],
  [/[mwMW@%&√…—→←↑↓\u2500-\u27bf]/u, 1],
  [/\p{Lu}/u, 0.79],
  [/\p{M}/u, 0],
  [/[\u1100-\u11ff\u2e80-\u9fff\ua960-\uffef]|\p{Extended_Pictographic}|[\u{20000}-\u{3fffd}]/u, 1.3],
];
const SMALL = 0.635;
const BOLD = 1.13; // times as wide as a regular letter

/** The width of a text in units, as an upper bound. */
export function textWidth(text: string, size: number, bold = false): number {
  let em = 0;
  for (const letter of text) em += ROWS.find(([letters]) => letters.test(letter))?.[1] ?? SMALL;
  return em * size * (bold ? BOLD : 1);
}

/** The text where it fits into a room; else as much of its beginning as does, with "…" at its end. */
export function fitted(text: string, room: number, size: number, bold = false): string {
  if (textWidth(text, size, bold) <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && textWidth(`${letters.join("").trimEnd()}…`, size, bold) > room) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}

/** Units at both sides of the text. */
export const MARGIN = 24;

export type Letters = { readonly size: number; readonly bold?: boolean };

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

function piecesOf(word: string, fits: (piece: string) => boolean): string[] {
  const pieces = [""];
  for (const letter of word) {
    const longer = pieces.at(-1) + letter;
    if (pieces.at(-1) === "" || fits(longer)) pieces[pieces.length - 1] = longer;
    else pieces.push(letter);
  }
  return pieces;
}
