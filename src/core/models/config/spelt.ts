/** What a file says, in an error's line. */

/** A name from a file, safe to print in one line: as it is, or if it is long or has odd characters, quoted and cut. */
export const spelt = (name: string): string => /^[\w.-]{1,80}$/.test(name) ? name : describe(name);

/** A value of JSON, cut where it is long. */
export function describe(value: unknown): string {
  if (value === undefined) return "missing";
  return short(JSON.stringify(value));
}

export const short = (text: string): string => text.length > 60 ? `${text.slice(0, 57)}…` : text;
