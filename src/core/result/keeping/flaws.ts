/** What does not fit the form of a result, in words. */
import { z } from "zod";
import { shown } from "../../entry/mod.ts";
import gone from "./gone.json" with { type: "json" };

/** What files of before may have and Lamina no longer does, by field and value, or by field: docs/findings.md says why. */
const GONE: Readonly<Record<string, string>> = gone;

export function goneText(field: unknown, value: unknown): string | null {
  const [own, any] = [`${field} ${value}`, `${field}`].map((key) => Object.hasOwn(GONE, key) && GONE[key]);
  return own || any ? `${own || any}, which Lamina no longer does: docs/findings.md` : null;
}

/** The validator's words for a field, each code's fields being others: "Invalid input: expected number, received string", "Too small: expected number to be >0". */
const FLAW =
  /^(?:Invalid (?:input|option|discriminator value)|Too (?:small|big))[:.] expected (.+?)(?:, received (\w+))?$/i;

/** The first field of a value that does not fit the form, what it is and what is expected, and how many more there are. */
export function flawIn({ issues }: z.ZodError, value: unknown): string {
  const at = (path: readonly PropertyKey[]) =>
    path.reduce((inner, name) => (inner as Record<PropertyKey, unknown>)?.[name], value);
  const gone = issues.map((issue) => {
    if (issue.code !== "unrecognized_keys") return goneText(issue.path.at(-1), at(issue.path));
    const [list] = issue.path.filter((name) => typeof name === "string").slice(-1);
    return goneText(list, issue.keys[0]) ?? goneText(issue.keys[0], "");
  }).find((text) => text !== null);
  if (gone) return gone;
  const [first, ...more] = issues;
  const found = at(first.path);
  const message = first.message.replace(FLAW, (_, expected, kind) => {
    const own = kind === undefined || kind === "number" ? shown(found) : kind;
    return `${found === undefined ? "it is missing" : `found ${own}`}, expected ${expected}`;
  });
  const where = first.path.length > 0 ? `at ${z.core.toDotPath(first.path)}: ` : "";
  return `${where}${message}${more.length > 0 ? ` (and ${more.length} more)` : ""}`;
}
