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
/** Bold letters in relation to regular ones. */
const BOLD = 1.13;

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
