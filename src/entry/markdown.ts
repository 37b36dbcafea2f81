/**
 * Text from outside in Markdown. Inside a code span, only the fence has a meaning: a name cannot become markup, HTML, a link or a
 * remote picture. Backslash escapes would not be enough, since many readers turn bare addresses into links.
 */
import { oneLine } from "./plain.ts";

/** Characters of a name that are shown. */
const MOST = 200;

/** One line as a code span, in a fence longer than any run of backticks in it; `most` characters of it are shown. */
export function code(text: string, most = MOST): string {
  const line = oneLine(text, most) || "(no name)";
  const runs = line.match(/`+/g) ?? [];
  const fence = "`".repeat(1 + Math.max(0, ...runs.map((run) => run.length)));
  const pad = /^`|`$/.test(line) ? " " : ""; // a reader takes one space off each end
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** The same in a cell of a table, which a bar would end, in code too. */
export function cell(text: string): string {
  return code(text.replaceAll("|", "¦"));
}
