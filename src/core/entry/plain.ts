/**
 * Text from outside (names of models and files, licences, the output of a model), made safe to show.
 *
 * A raw escape sequence moves a terminal's cursor or sets its title, a bidirectional override reverses the rest of a line,
 * and a control character makes an SVG unreadable, since XML does not have it even escaped. So everything that is shown
 * passes through `plain`. JSON keeps the text exactly, with these characters as escapes. In Markdown, only the fence has a
 * meaning inside a code span: a name cannot become markup, HTML, a link or a remote picture. Backslash escapes would not be
 * enough, since many readers turn bare addresses into links.
 */

/** White space that breaks a line or a column. */
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]/g;
/** Control characters, bidirectional controls, noncharacters, halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]/gu;

/** One line of text without characters that act instead of being seen: a break becomes a space, others "�". */
export const plain = (text: string): string => text.replaceAll(BREAKS, " ").replaceAll(UNSAFE, "\ufffd");

/** One plain line of at most `most` characters; a longer one is cut and ends with "…". */
export function oneLine(text: string, most: number): string {
  const characters = [...plain(text).trim()];
  return characters.length <= most ? characters.join("") : `${characters.slice(0, most - 1).join("")}…`;
}

/** JSON without characters that act instead of being seen; it parses to the same value. Only indented JSON has line breaks. */
export function jsonText(value: unknown, indent = 0): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, indent).replaceAll(/[\u2028\u2029]/g, escaped)
    .replaceAll(UNSAFE, (character) => character === "\n" ? character : escaped(character));
}

/** A word for a POSIX shell, which takes it to the letter; control characters, which could not be seen, are replaced. */
export function shellWord(word: string): string {
  const text = plain(word);
  return /^[\w./:,@%+-][\w./:=,@%+-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

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
export const cell = (text: string): string => code(text.replaceAll("|", "¦"));
