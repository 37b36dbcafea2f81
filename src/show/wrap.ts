/** Lines broken at spaces, for terminals: a word that is longer than a line stays whole, so that a path can be copied. */
import { widthOf } from "./plain.ts";

/** Escapes that `style` writes take no room. */
// deno-lint-ignore no-control-regex -- the escape is what is looked for
const STYLE = /\x1b\[\d+m/g;

/** The lines of one, each of at most so many columns; all but the first are indented. */
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

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
