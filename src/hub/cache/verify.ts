/** Reads every file of the caches and compares it with the hash that it arrived with. */
import { join } from "node:path";
import defer * as Hub from "@huggingface/hub";
import { entriesIn, filesBelow, statOrNull } from "./cache.ts";
import { type Damaged, damagedFiles } from "./damage.ts";
import { cacheEntries, entryName, expectEntries } from "./entries.ts";
import { enter, expect, list, reportChecks, type Reports, string } from "../../entry/mod.ts";
import { stampedFiles } from "./stamp.ts";

/** The files read, and the damaged ones among them. */
export interface Verified {
  /** Files that were read. */
  readonly files: number;
  /** Bytes that were read. */
  readonly bytes: number;
  /** Files that differ from what arrived, what was found, and the entry they belong to. */
  readonly damaged: readonly (Damaged & { readonly entry: string })[];
}

/**
 * Reads the files of the named entries, or of all entries, in Lamina's cache and in Hugging Face's, and compares their hashes.
 * Damaged files in Lamina's cache are fetched again when they are next opened. Throws `RangeError` for a name that is in neither.
 *
 * @example Not run by tests: it reads the whole cache
 * ```ts ignore
 * import { verifyCache } from "lamina/cache";
 *
 * const { files, damaged } = await verifyCache([]);
 * console.log(files, damaged);
 * ```
 */
export async function verifyCache(names: readonly string[], options: Reports = {}): Promise<Verified> {
  expect("verify the cache", "names", names, list(string, "names"));
  return await enter(
    "verify",
    names.join(", ") || "the caches",
    options,
    reportChecks,
    (options) => verify(names, options),
  );
}

async function verify(names: readonly string[], options: Reports): Promise<Verified> {
  const all = [...await ourFiles(), ...await theirFiles()];
  expectEntries(names, all);
  const damaged: (Damaged & { entry: string })[] = [];
  let [files, bytes] = [0, 0];
  for (const { name, paths } of all) {
    if (names.length > 0 && !names.includes(name)) continue;
    const found = await damagedFiles(paths.map((path) => ({ path })), {
      ...options,
      label: name,
      again: true,
    });
    damaged.push(...found.map((item) => ({ ...item, entry: name })));
    files += paths.length;
    for (const path of paths) bytes += (await statOrNull(path))?.size ?? 0;
  }
  return { files, bytes, damaged };
}

interface Files {
  readonly name: string;
  readonly paths: readonly string[];
}

async function ourFiles(): Promise<Files[]> {
  const entries = (await cacheEntries()).filter(({ name }) => name !== "partial");
  return await Promise.all(
    entries.map(async ({ name, path }) => ({ name, paths: await stampedFiles(path) })),
  );
}

async function theirFiles(): Promise<Files[]> {
  const found: Files[] = [];
  for await (const { path: repo, isDirectory } of entriesIn(Hub.getHFHubCachePath())) {
    if (!isDirectory) continue;
    const paths = await linksInto(join(repo, "snapshots"));
    if (paths.length > 0) found.push({ name: entryName(repo), paths });
  }
  return found.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The links of snapshots, one for every blob; also those that lead nowhere. */
async function linksInto(snapshots: string): Promise<string[]> {
  const links = new Map<string, string>();
  for await (const { path, isSymlink } of filesBelow(snapshots)) {
    if (isSymlink) links.set(await Deno.realPath(path).catch(() => path), path);
  }
  return [...links.values()].sort();
}
