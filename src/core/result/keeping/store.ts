/**
 * Results as files, checked against the form of their kind on writing and on reading; an error names the field that does
 * not fit. The form fixes the order of the keys, so that equal results are equal bytes.
 */
import { readFile } from "node:fs/promises";
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
import { flawIn, goneText } from "./flaws.ts";
import { type AnyKind, kindNames, manifests, type OfKind, type Result } from "../kind.ts";

export const anyResult: Check = (value, path) => resultOf(...kindNames())(value, path);

/** A result as JSON, on one line or indented. Throws `TypeError` that names the kind and the field that does not fit its form. */
export function resultText(result: Result, indent = 0): string {
  const { form } = manifests[(result as Partial<Result> | null)?.kind ?? ""] ?? {};
  if (!form) expect("write a result", "it", result, anyResult);
  const checked = form!.safeParse(result);
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
