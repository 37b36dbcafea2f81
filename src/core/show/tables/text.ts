/** Tables as text for a terminal: columns that align, and fold where lines are too long. */
import { plain } from "../../entry/mod.ts";
import { ascii, cut, widthOf, wrap } from "../plain.ts";
import type { Table } from "./table.ts";

export interface TextLook {
  readonly color?: boolean;
  /** Characters beyond Latin: sparklines. */
  readonly utf8?: boolean;
  /** Columns that a line may take; a wider table is folded. Default: no limit. */
  readonly columns?: number;
}

const GAP = 2; // columns between two of a table
const NAME = 12; // columns that a column of text keeps at least where it gives way

/** Tables below each other, with their titles in bold. */
export function tablesText(tables: readonly Table[], look: TextLook = {}): string {
  const bold = style(look, 1);
  return tables.map(({ title, note, head, rows, left, notes = [] }) =>
    [
      ...title === undefined ? [] : [bold(title)],
      ...note === undefined ? [] : [note],
      ...head.length > 0 ? [align([head, ...rows], look, left)] : [],
      ...notes,
    ].join("\n")
  ).join("\n\n");
}

/**
 * Columns as wide as their widest entry, right-aligned but for those in `left`. The first row is the heading. Where lines
 * are too long, columns of text give way, the first in `left` first: their words continue in a further line of the row. A table
 * that is still too wide continues below, with its first column repeated.
 */
export function align(
  rows: readonly (readonly string[])[],
  look: TextLook,
  left: readonly number[] = [],
): string {
  const cells = rows.map((row) => row.map(plain));
  const widths = rows[0].map((_, c) => Math.max(...cells.map((row) => widthOf(row[c]))));
  const { columns = Infinity } = look;
  for (const c of left) {
    const excess = lineWidth(widths) - columns;
    if (excess > 0) widths[c] = Math.min(widths[c], Math.max(NAME, widths[c] - excess));
  }
  const dim = style(look, 2);
  return folds(widths, columns).map((fold) =>
    cells.flatMap((row, r) => {
      const wrapped = row.map((cell, c) => wrap(cell, widths[c], 0).map((line) => cut(line, widths[c])));
      const height = Math.max(...fold.map((c) => wrapped[c].length));
      return Array.from({ length: height }, (_, i) => {
        const line = fold.map((c) => {
          const cell = wrapped[c][i] ?? "";
          const space = " ".repeat(widths[c] - widthOf(cell));
          return left.includes(c) ? cell + space : space + cell;
        }).join(" ".repeat(GAP)).trimEnd();
        return r === 0 ? dim(line) : line;
      });
    }).join("\n")
  ).join("\n\n");
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + GAP, -GAP);
}

/** Numbers of the columns of each fold; the first column leads them all. */
function folds(widths: readonly number[], columns: number): number[][] {
  const all: number[][] = [[0]];
  for (let c = 1; c < widths.length; c++) {
    const fold = all.at(-1)!;
    const fits = lineWidth([...fold, c].map((member) => widths[member])) <= columns;
    if (fits || fold.length === 1) fold.push(c);
    else all.push([0, c]);
  }
  return all;
}

/** One line in bold (1) or dim (2), where colour is asked for. */
export function style({ color }: TextLook, code: 1 | 2): (text: string) => string {
  return (text) => color ? `\x1b[${code}m${plain(text)}\x1b[22m` : plain(text);
}

/** What `style` writes. */
// deno-lint-ignore no-control-regex -- the escape is what is looked for
const STYLES = /(\x1b\[(?:1|2|22)m)/;

/** Lines of `style` and of others' text as a terminal may get them: nothing acts but `style`, and long ones are broken. */
export function printable(text: string, look: TextLook): string {
  const line = (text: string) =>
    look.color ? text.split(STYLES).map((part, i) => i % 2 ? part : plain(part)).join("") : plain(text);
  const { columns = Infinity } = look;
  const shown = text.split("\n").flatMap((one) => wrap(line(one), columns)).join("\n");
  return look.utf8 ? shown : ascii(shown);
}
