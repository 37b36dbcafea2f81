/**
 * Plain text on a terminal: its width, its form in ASCII, and lines broken at spaces.
 *
 * Limit: widths are those of common terminals (East Asian letters and emoji two columns, marks none), not of every font.
 */

/** What a terminal that knows ASCII alone gets in place of the characters that tables are made of; each as wide. */
const [FANCY, PLAIN] = ["–×—±−…·→’‖█░\u00a0⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-x-~-.->'|#. -0123456789"];
const ASCII: Readonly<Record<string, string>> = Object.fromEntries(
  [...FANCY].map((one, i) => [one, PLAIN[i]]),
);

/** The same text in ASCII, "?" for what it lacks; as wide as before. */
export function ascii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/gu, (character) => ASCII[character] ?? "?".repeat(widthOf(character)));
}

const MARK = /^[\p{M}\u200b-\u200d\ufeff]$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** The text where it fits; else as much of its beginning as does, with "…" in the last column. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let [shown, width] = ["", 1];
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) break;
    shown += character;
  }
  return columns > 0 ? `${shown}…` : "";
}

/** Escapes that `style` writes take no room. */
// deno-lint-ignore no-control-regex -- the escape is what is looked for
const STYLE = /\x1b\[\d+m/g;

/** Breaks a line into lines of at most `columns` columns; all but the first are indented. */
export function wrap(line: string, columns: number, indent = indentOf(line) + 2): string[] {
  if (widthOf(line.replaceAll(STYLE, "")) <= columns) return [line];
  const lines: string[] = [];
  let shown = " ".repeat(indentOf(line));
  let empty = true;
  for (const word of line.trimStart().split(" ")) {
    const longer = empty ? shown + word : `${shown} ${word}`;
    if (!empty && widthOf(longer.replaceAll(STYLE, "")) > columns) {
      lines.push(shown);
      shown = " ".repeat(indent) + word;
    } else {
      shown = longer;
    }
    empty = false;
  }
  return [...lines, shown];
}

const indentOf = (line: string): number => line.length - line.trimStart().length;
