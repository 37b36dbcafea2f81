/** Breaks the texts of a figure into lines. Text is never measured: widths are estimated, generously. */
import { WIDTH } from "./panel.ts";

/** Units at both sides of the text. */
export const MARGIN = 24;

/** Lines no wider than the picture, for letters of an average width in em. */
export function wrap(text: string, size: number, letter: number): string[] {
  return wrapped(text, Math.floor((WIDTH - 2 * MARGIN) / (size * letter)));
}

/** The same number of lines, of about equal length, so that no word is left alone. */
export function balanced(text: string, size: number, letter: number): string[] {
  const lines = wrap(text, size, letter);
  const from = Math.ceil(text.length / lines.length);
  const longest = Math.max(...lines.map((line) => line.length));
  for (let fits = from; fits < longest; fits++) {
    const other = wrapped(text, fits);
    if (other.length === lines.length && other.every((line) => line.length <= longest)) return other;
  }
  return lines;
}

/** Lines of at most this many letters, where words allow; a number and its unit stay together. */
function wrapped(text: string, fits: number): string[] {
  const lines = [""];
  for (const word of text.replaceAll(/(?<=\d) (?=[%×])|(?<=×) /g, "\u00a0").split(" ")) {
    const line = lines.at(-1)!;
    if (line && line.length + 1 + word.length > fits) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines;
}
