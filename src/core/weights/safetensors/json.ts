/**
 * JSON of a hostile file: valid UTF-8, no key twice in one object, no deep nesting, a bounded number of parts.
 *
 * `JSON.parse` keeps the last of two equal keys and says nothing, so the text is scanned before: strings and brackets
 * only, since on what is not JSON the parser itself has the last word.
 */
import { isRecord } from "../../entry/mod.ts";
import { malformed, MAX_JSON_KEYS, MAX_JSON_PARTS, outOfRange, quote } from "../limits.ts";

/**
 * The object in `bytes`. `what` names it in errors ("header"); `depth` counts the objects and arrays inside each other.
 * Throws `SyntaxError` for bytes that are not UTF-8, not JSON, not an object, or have a key twice; `RangeError` for
 * deeper nesting.
 */
export function parseObject(
  file: string,
  what: string,
  bytes: Uint8Array<ArrayBuffer>,
  depth: number,
): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(file, `${what} is not valid UTF-8`, "a JSON object");
  }
  let value: unknown;
  let twice: string | null;
  try {
    twice = scan(text, depth);
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw outOfRange(file, `${what} ${error.message}`, "flat JSON");
    throw malformed(file, `${what} is not valid JSON`, "a JSON object");
  }
  if (twice !== null) throw malformed(file, `${what} has the key ${quote(twice)} twice`, "unique keys");
  if (!isRecord(value)) throw malformed(file, `${what} is ${kindOf(value)}`, "a JSON object");
  return value;
}

/** A word for a parsed JSON value's kind. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * A key that an object of `text` has twice, or null. Throws `RangeError` where it nests too deep or has too many
 * parts, whose message goes on with the name of the text. A million keys took up to 20 s beside a large heap with a
 * `Set` and with `JSON.parse` of each, so they are sorted where their object closes, and only escaped ones are parsed.
 */
function scan(text: string, depth: number): string | null {
  const open: string[][] = []; // the keys so far of each object or array around the position
  let twice: string | null = null;
  let parts = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{" || c === "[") {
      if (open.push([]) > depth) throw new RangeError(`is nested deeper than ${depth}`);
      parts++;
    } else if (c === "}" || c === "]") {
      const keys = open.pop()?.sort() ?? [];
      twice ??= keys.find((key, i) => key === keys[i + 1]) ?? null;
    } else if (c === '"') {
      const start = i;
      i = stringEnd(text, i);
      if (!isKey(text, i + 1) || open.length === 0) continue;
      const keys = open[open.length - 1];
      const plain = text.slice(start + 1, i);
      if (keys.push(plain.includes("\\") ? JSON.parse(`"${plain}"`) : plain) > MAX_JSON_KEYS) {
        throw new RangeError(`has an object of more than ${MAX_JSON_KEYS} keys`);
      }
      parts++;
    }
    if (parts > MAX_JSON_PARTS) {
      throw new RangeError(`has more than ${MAX_JSON_PARTS} keys, objects and arrays`);
    }
  }
  return twice;
}

/** Index of the quote that closes the string opened at `i`; past the end where none does. */
function stringEnd(text: string, i: number): number {
  while (++i < text.length && text[i] !== '"') if (text[i] === "\\") i++;
  return i;
}

/** Whether a colon follows. */
function isKey(text: string, i: number): boolean {
  while (text[i] === " " || text[i] === "\n" || text[i] === "\r" || text[i] === "\t") i++;
  return text[i] === ":";
}
