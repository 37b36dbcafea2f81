/**
 * Results that are kept between runs: found again by everything that their numbers depend on. A file's name only says where to
 * look; its content must itself match what was asked for, and the checksum at its end. A folder that cannot be written is no
 * reason to lose a result that took hours.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isFile, writeWhole } from "../../disk/mod.ts";
import { type Of, reportChecks, text } from "../../entry/mod.ts";
import { cacheKey, canonical } from "./key.ts";
import { type AnyKind, head, type KeptKind, manifests, type OfKind, type Result } from "../kind.ts";
import type { Provenance } from "../forms/provenance.ts";
import { parseResult, resultText } from "./store.ts";

/** The checks of `Keeping`, option by option. */
export const keepingChecks = {
  /** A folder in which results are kept and found again; without it, nothing is kept. */
  results: text,
  onNotice: reportChecks.onNotice,
};

/** Where results are kept, and where notices go. */
export type Keeping = Of<typeof keepingChecks>;

export const resultPath = (folder: string, kind: AnyKind, origin: Provenance): string =>
  join(folder, keptName(kind, origin));

function keptName(kind: AnyKind, origin: Provenance): string {
  return `${kind.name}-${fileName(origin.model.name)}-${cacheKey(canonical(head(kind)), origin)}.json`;
}

/** A model's name as part of a file's: without folders, and no longer than leaves room for the rest. */
export const fileName = (name: string): string => name.replaceAll(/[^\w.-]+/g, "_").slice(0, 100);

/** The kept result of an origin, or null. A file that is damaged, or holds another result, is told, and counts as absent. */
export async function keptResult<K extends KeptKind>(
  kind: K,
  origin: Provenance,
  { results, onNotice }: Keeping,
): Promise<OfKind<K> | null> {
  if (!results) return remembered()?.get(keptName(kind, origin)) as OfKind<K> | undefined ?? null;
  const path = resultPath(results, kind, origin);
  const text = await readKept(path).catch(() => null);
  if (text === null) return null;
  try {
    const found = parseResult(path, unsealed(path, text), kind);
    if (canonical(originOf(found, kind)) === canonical(origin)) {
      record(path, "found");
      return found;
    }
    throw new TypeError(`Cannot use ${path}: found the result of another study, expected this one's`);
  } catch (error) {
    onNotice?.(`computing a kept result again: ${(error as Error).message}`);
    return null;
  }
}

/** Returns everything that a result depends on; where `kind` is given, what is known before the result is made suffices. */
export const originOf = (result: object, kind: AnyKind = manifests[(result as Result).kind]): Provenance =>
  ((kind as KeptKind).origin as (result: object) => Provenance)(result);

/** All kept results of a kind in a folder whose file names say this model; what cannot be used is passed over. */
export async function keptOf<K extends KeptKind>(
  kind: K,
  model: string,
  results: string,
): Promise<OfKind<K>[]> {
  const start = `${kind.name}-${fileName(model)}-`;
  const names = (await readdir(results).catch(() => [])).filter((name) => name.startsWith(start)).sort();
  const found = await Promise.all(names.map(async (name) => {
    const path = join(results, name);
    try {
      return [parseResult(path, unsealed(path, await readKept(path)), kind)];
    } catch {
      return []; // another kind of file, another version's, a damaged one
    }
  }));
  return found.flat();
}

/** A result of a kind that lies under a name in a folder. Throws as `readResult` does, and for what is no file. */
export async function resultIn<K extends AnyKind>(folder: string, name: string, kind: K) {
  const path = join(folder, name);
  return parseResult(path, await readKept(path), kind);
}

/** What is under a result's name. Throws `Error` for what is no file: a pipe would be waited for, for ever. */
async function readKept(path: string): Promise<string> {
  if (await isFile(path)) return await readFile(path, "utf-8");
  throw new Error(`Cannot read ${path}: it is no file, expected one`);
}

const SEAL = ',"checksum":"';

/** A result's line with the SHA-256 of what is before it as one more field, which readers of results pass over. */
function sealed(line: string): string {
  const text = line.slice(0, -"}\n".length);
  return `${text}${SEAL}${createHash("sha256").update(text).digest("hex")}"}\n`;
}

/** The line before it was sealed. Throws `TypeError` for any other text. */
function unsealed(path: string, line: string): string {
  const text = line.slice(0, line.lastIndexOf(SEAL));
  if (line === sealed(`${text}}\n`)) return `${text}}\n`;
  throw new TypeError(`Cannot use ${path}: its checksum does not match its content`);
}

/** Whether a result was there, or was made and kept now. */
type How = "found" | "made";
/** Maps file names to the results of a command or call. It is null after the end, since awaited work may still run in the context. */
const records = new AsyncLocalStorage<{ own: Map<string, How> | null; readonly made: Map<string, object> }>();
/** The results that this command or call has made and nothing keeps, by the names that their files would have. */
const remembered = () => {
  const record = records.getStore();
  return record?.own ? record.made : undefined;
};
/** Whether a kept result was there before the command, or the call, began. */
export function isEarlier(found: object): boolean {
  const kind = manifests[(found as Result).kind];
  return records.getStore()?.own?.get(keptName(kind, originOf(found, kind))) !== "made";
}

function record(path: string, how: How): void {
  const all = records.getStore()?.own;
  if (all?.get(basename(path)) !== "made") all?.set(basename(path), how);
}

/** Runs something as one command, unless it is part of one. */
export async function asOne<T>(run: () => Promise<T>): Promise<T> {
  return records.getStore()?.own ? await run() : (await recorded(run)).value;
}

/** Runs a part of a command whose results are not named as the command's. */
export const unrecorded = async <T>(run: () => Promise<T>): Promise<T> => (await recorded(run)).value;

/** Runs something; gives the file names of the results that it kept, or found kept. */
export async function recordKept(run: () => Promise<void>): Promise<ReadonlyMap<string, How>> {
  return (await recorded(run)).all;
}

async function recorded<T>(run: () => Promise<T>) {
  const all = new Map<string, How>();
  const scope: { own: typeof all | null; readonly made: Map<string, object> } = { own: all, made: new Map() };
  try {
    return { all, value: await records.run(scope, run) };
  } finally {
    scope.own = null;
  }
}

/** Keeps a result, and returns it as it will be read back. One whose values a function without a name changed is not kept. */
export async function keep<K extends KeptKind, R extends OfKind<K>>(kind: K, result: R, keeping: Keeping) {
  const text = resultText(result);
  const origin = originOf(result, kind);
  const isNamed = !origin.changed || origin.changed.by !== undefined;
  if (keeping.results && isNamed) {
    const path = resultPath(keeping.results, kind, origin);
    if (await tryWrite(path, sealed(text), keeping)) record(path, "made");
  }
  const made = parseResult(kind.name, text, kind) as R;
  if (!keeping.results && isNamed) {
    const name = keptName(kind, origin);
    remembered()?.set(name, made);
    record(name, "made");
  }
  return made;
}

/** Writes a result into the folder under a readable name. */
export async function keepAs(name: string, result: Result, keeping: Keeping): Promise<void> {
  if (keeping.results) await tryWrite(join(keeping.results, `${name}.json`), resultText(result), keeping);
}

/** Folders that could not be written, and why: one notice is enough. */
const failed = new Map<string, Error>();

/** Why results of this process have not been kept in a folder as they should be; null if they have. */
export const keepingFailure = (folder: string): Error | null => failed.get(folder) ?? null;

async function tryWrite(path: string, text: string, { results, onNotice }: Keeping): Promise<boolean> {
  try {
    const there = await stat(path).catch(() => null);
    if (there && !there.isFile()) {
      throw new Error(`Cannot write ${path}: it is no file, expected one or nothing`);
    }
    await writeWhole(path, text);
    return true;
  } catch (error) {
    if (!failed.has(results!)) {
      failed.set(results!, error as Error);
      onNotice?.(`results are not kept: ${(error as Error).message}; choose another folder for them`);
    }
    return false;
  }
}

/** Whether a file of a folder of results is there, as it was written. */
export async function isKept(folder: string, name: string): Promise<boolean> {
  const path = join(folder, name);
  try {
    unsealed(path, await readKept(path));
    return true;
  } catch {
    return false;
  }
}
