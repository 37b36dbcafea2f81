/**
 * Results as files, checked against the form of their kind on writing and on reading; an error names the field that does
 * not fit. The form fixes the order of the keys, so that equal results are equal bytes.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import {
  type Check,
  displayable,
  expect,
  failure,
  jsonText,
  parseJson,
  resultOf,
  shown,
} from "../../entry/mod.ts";
import { type AnyKind, kindNames, manifests, type OfKind, type Result } from "../kind.ts";
import gone from "./gone.json" with { type: "json" };

export const anyResult: Check = (value, path) => resultOf(...kindNames())(value, path);

/** A result as JSON, on one line or indented. Throws `TypeError` that names the kind and the field that does not fit its form. */
export function resultText(result: Result, indent = 0): string {
  expect("write a result", "it", result, anyResult);
  const checked = manifests[result.kind].form.safeParse(result);
  if (!checked.success) throw new TypeError(`Cannot write ${result.kind}: ${flawIn(checked.error, result)}`);
  return jsonText(checked.data, indent) + "\n";
}

/** Reads a result of one of the kinds. Throws `SyntaxError` if it is not JSON, `TypeError` if it has another form. */
export async function readResult<const Kinds extends readonly AnyKind[]>(path: string, ...kinds: Kinds) {
  let text: string;
  try {
    text = await readFile(path, "utf-8");
  } catch (error) {
    throw failure(`Cannot read ${path}`, error);
  }
  return parseResult(path, text, ...kinds);
}

export function parseResult<const Kinds extends readonly AnyKind[]>(
  name: string,
  text: string,
  ...kinds: Kinds
) {
  const parsed = parseJson(text, name) as { kind?: unknown; method?: unknown } | null;
  const kind = kinds.find(({ name }) => parsed?.kind === name);
  if (!kind) {
    const found = goneText("kind", parsed?.kind) ??
      `kind is ${shown(parsed?.kind)}, expected ${kinds.map(({ name }) => name).join(" or ")}`;
    throw new TypeError(`Cannot read ${name}: ${found}`);
  }
  if (parsed?.method !== kind.method) {
    throw new TypeError(
      `Cannot read ${name}: method is ${shown(parsed?.method)}, expected ${kind.method} ` +
        `(another version of Lamina computed it differently; compute it again with this one)`,
    );
  }
  const checked = kind.form.safeParse(parsed);
  const gone = Object.keys(parsed).map((field) => goneText(kind.name, field) ?? goneText(field, ""))
    .find((text) => text !== null);
  if (gone || !checked.success) {
    throw new TypeError(`Cannot read ${name}: ${gone ?? flawIn(checked.error!, parsed)}`);
  }
  return displayable(checked.data as OfKind<Kinds[number]>);
}

/** What files of before may have and Lamina no longer does, by field and value, or by field: docs/findings.md says why. */
const GONE: Readonly<Record<string, string>> = gone;

function goneText(field: unknown, value: unknown): string | null {
  const [own, any] = [`${field} ${value}`, `${field}`].map((key) => Object.hasOwn(GONE, key) && GONE[key]);
  return own || any ? `${own || any}, which Lamina no longer does: docs/findings.md` : null;
}

/** The validator's words for a field, each code's fields being others: "Invalid input: expected number, received string", "Too small: expected number to be >0". */
const FLAW =
  /^(?:Invalid (?:input|option|discriminator value)|Too (?:small|big))[:.] expected (.+?)(?:, received (\w+))?$/i;

/** The first field of a value that does not fit the form, what it is and what is expected, and how many more there are. */
function flawIn({ issues }: z.ZodError, value: unknown): string {
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
