/** The errors of this room's readers about bad files: the file, what was found, what was expected. */

/** The bytes are not what the format says. */
export function malformed(file: string, found: string, expected: string): SyntaxError {
  return new SyntaxError(`Cannot read ${file}: ${found}, expected ${expected}`);
}

/** A count, length or offset is out of bounds. */
export function outOfRange(file: string, found: string, expected: string): RangeError {
  return new RangeError(`Cannot read ${file}: ${found}, expected ${expected}`);
}

/** A name from a file, safe to print: escaped, and cut if it is longer than 80 characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? name.slice(0, 79) + "…" : name);
}
