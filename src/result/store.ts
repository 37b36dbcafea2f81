/**
 * Results as files. Written whole or not at all: to a temporary file beside the target, then renamed. Read strictly:
 * a file that is not of the expected form is an error that names the field.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { forms, type Kind, type ResultOf } from "./forms.ts";
import type { Provenance } from "./provenance.ts";

/** JSON with sorted keys: equal values are equal as text. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}

/** The hash of a kind and all that its numbers depend on: 16 hexadecimal digits. */
export function cacheKey(kind: string, provenance: unknown): string {
  return createHash("sha256").update(`${kind}\n${canonical(provenance)}`).digest("hex").slice(0, 16);
}

/** Writes text so that the file is there whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new Error(`Cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Writes a result as JSON. */
export async function writeResult(path: string, result: { kind: Kind }): Promise<void> {
  await writeWhole(path, JSON.stringify(result) + "\n");
}

/** Reads a result of one of the kinds. Throws `SyntaxError` for what is not JSON, `TypeError` for another form. */
export async function readResult<K extends Kind>(path: string, ...kinds: K[]): Promise<ResultOf<K>> {
  let text: string;
  try {
    text = await readFile(path, "utf-8");
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  let parsed: { kind?: unknown };
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  const kind = kinds.find((kind) => parsed?.kind === kind);
  if (!kind) {
    throw new TypeError(
      `Cannot read ${path}: kind is ${JSON.stringify(parsed?.kind)}, expected ${kinds.join(" or ")}`,
    );
  }
  const checked = forms[kind].safeParse(parsed);
  if (!checked.success) throw new TypeError(`Cannot read ${path}: ${z.prettifyError(checked.error)}`);
  return checked.data as ResultOf<K>;
}

/** Where a result of this provenance is kept in a folder. */
export function resultPath(folder: string, kind: Kind, provenance: Provenance): string {
  const model = provenance.model.name.replaceAll(/[^\w.-]+/g, "_");
  return join(folder, `${kind}-${model}-${cacheKey(kind, provenance)}.json`);
}

/** A kept result, or null. One that cannot be read any more counts as absent. */
export async function keptResult<K extends Kind>(
  folder: string,
  kind: K,
  provenance: Provenance,
): Promise<ResultOf<K> | null> {
  return await readResult(resultPath(folder, kind, provenance), kind).catch(() => null);
}
