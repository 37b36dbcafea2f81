/** Columns of text that align, for the terminal. */

/** How text may look. */
export interface TextLook {
  /** Escapes for colour and bold. */
  readonly color?: boolean;
  /** Characters beyond Latin: sparklines. */
  readonly utf8?: boolean;
}

/** Columns as wide as their widest entry, right-aligned but for those in `left`. The first row is the heading. */
export function align(
  rows: readonly (readonly string[])[],
  look: TextLook,
  left: readonly number[] = [],
): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const dim = style(look, 2);
  return rows.map((row, r) => {
    const line = row.map((cell, c) => left.includes(c) ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))
      .join("  ").trimEnd();
    return r === 0 ? dim(line) : line;
  }).join("\n");
}

/** A value that may be missing. */
export function optional(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : format(value);
}

/** Bold (1) or dim (2), where colour is asked for. */
export function style({ color }: TextLook, code: 1 | 2): (text: string) => string {
  return color ? (text) => `\x1b[${code}m${text}\x1b[22m` : (text) => text;
}
