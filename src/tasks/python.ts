/** Text functions as Python has them: the namesakes in JavaScript differ in a few characters. */

/** What Python calls white space: U+001C to U+001F and U+0085 too, U+FEFF not. */
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACE}+`);
const IS_SPACE = new RegExp(SPACE);

/** Without white space at the end. */
export function rstrip(text: string): string {
  let end = text.length;
  while (end > 0 && IS_SPACE.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** Without white space at the start. */
export const lstrip = (text: string): string => text.replace(LEADING, "");

/** Without white space at both ends. */
export const strip = (text: string): string => rstrip(lstrip(text));

/** The first character in title case, all others in lower case. */
export function capitalize(text: string): string {
  const [first = "", ...rest] = text;
  return titleCase(first) + rest.join("").toLowerCase();
}

/** Title case differs from upper case for letters that stand for two, and for those that become two. */
function titleCase(letter: string): string {
  const digraph = DIGRAPHS[letter.toLowerCase()];
  if (digraph !== undefined) return digraph;
  const [first = "", ...rest] = letter.toUpperCase();
  return first + rest.join("").toLowerCase();
}

const DIGRAPHS: Readonly<Record<string, string>> = { "ǆ": "ǅ", "ǉ": "ǈ", "ǌ": "ǋ", "ǳ": "ǲ" };

/** Length in code points. */
export const codePoints = (text: string): number => [...text].length;
