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

/**
 * The first character in title case, all others in lower case. Title case is told from upper case as far as letters that
 * become several go ("ß" → "Ss"); not for 122 others (Georgian, Greek with iota, "ǆ"), which no task's rows begin with.
 */
export function capitalize(text: string): string {
  const [first = ""] = text;
  const [title = "", ...more] = first.toUpperCase();
  return title + more.join("").toLowerCase() + text.toLowerCase().slice(first.toLowerCase().length);
}

export const codePoints = (text: string): number => [...text].length;
