/**
 * The entries of the cache, and how they are deleted. An entry is a folder with stamped files; LAMINA_CACHE may name a folder
 * that others use too, so only those files, and the folders that they leave empty, are ever deleted, and no link is
 * followed.
 */
import { dirname, join } from "node:path";
import {
  enter,
  expect,
  list,
  oneOf,
  orElse,
  reportChecks,
  type Reports,
  string,
  sum,
} from "../../entry/mod.ts";
import { cacheFolder, entriesIn, filesBelow, folderBytes, statOrNull } from "./cache.ts";
import { leftovers, partialFolder, sweep } from "./partial.ts";
import { isCommit } from "./snapshots.ts";
import { removeStamped, stampedFiles } from "./stamp.ts";
import * as Hub from "@huggingface/hub";
import { type Damaged, damagedFiles } from "./damage.ts";

/** One entry of the cache: a model, data set or other download. */
export interface CacheEntry {
  /** Its name, as a user writes it: "smollm2-135m-instruct-q4_1", "owner/name", "datasets/owner/name", "partial". */
  readonly name: string;
  /** Total bytes of its files in Lamina's cache. */
  readonly bytes: number;
  /** When it was last opened. */
  readonly lastUse: Date;
  /** Its folder. */
  readonly path: string;
}

const PARTIAL = "partial";

/**
 * Returns all entries of the cache, sorted by name.
 *
 * @example
 * ```ts
 * import { cacheEntries } from "lamina/cache";
 *
 * for (const { name, bytes } of await cacheEntries()) console.log(name, bytes);
 * ```
 */
export async function cacheEntries(): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const room of ["models", "packages", "hub"]) {
    for await (const { path, isDirectory } of entriesIn(join(cacheFolder(), room))) {
      if (!isDirectory) continue;
      const files = await stampedFiles(path);
      if (files.length > 0) entries.push(await entry(entryName(path), path, files));
    }
  }
  const unfinished = (await leftovers()).map(({ path }) => path);
  const partial = unfinished.length > 0 ? await entry(PARTIAL, partialFolder(), unfinished) : null;
  if (partial && partial.bytes > 0) entries.push(partial);
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The entries with these names, or all. Throws `RangeError` for a name that is not in the cache. */
export async function namedEntries(names: readonly string[] | "all"): Promise<CacheEntry[]> {
  const entries = await cacheEntries();
  if (names === "all") return entries;
  expectEntries(names, entries);
  return entries.filter(({ name }) => names.includes(name));
}

/** Throws `RangeError` for names that no entry has. */
function expectEntries(names: readonly string[], entries: readonly { readonly name: string }[]): void {
  const known = new Set(entries.map(({ name }) => name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const expected = [...known].join(", ") || "nothing";
  throw new RangeError(`Cannot find ${unknown.join(", ")}: not in the cache, expected one of: ${expected}`);
}

/**
 * Deletes entries by name, or all of them, and returns what was deleted. Throws `RangeError` for an unknown name before anything
 * is deleted; files that another process is fetching stay.
 *
 * @example Not run by tests: it removes what others use
 * ```ts ignore
 * import { pruneCache } from "lamina/cache";
 *
 * await pruneCache(["owner/name"]);
 * ```
 */
export async function pruneCache(names: readonly string[] | "all"): Promise<CacheEntry[]> {
  const all = (value: unknown) => typeof value === "string";
  expect("prune the cache", "names", names, orElse(all, oneOf(["all"]), list(string, "names")));
  const doomed = await namedEntries(names);
  for (const { name, path } of doomed) await (name === PARTIAL ? sweep({ all: true }) : removeEntry(path));
  return doomed;
}

async function removeEntry(path: string): Promise<void> {
  const emptied = new Set<string>();
  for (const file of await stampedFiles(path)) {
    await removeStamped(file);
    for (let folder = dirname(file); folder.startsWith(path); folder = dirname(folder)) {
      if (!await removeEmpty(folder)) break;
      emptied.add(folder);
    }
  }
  await removeRefs(path, join(path, "refs"), emptied);
  for (const folder of [join(path, "snapshots"), path]) await removeEmpty(folder);
}

/** Deletes the names of the commits that are no longer here. */
async function removeRefs(entry: string, folder: string, emptied: ReadonlySet<string>): Promise<void> {
  for await (const { path, isFile, isDirectory } of entriesIn(folder)) {
    if (isDirectory) await removeRefs(entry, path, emptied);
    if (!isFile) continue;
    const commit = (await Deno.readTextFile(path)).trim();
    if (isCommit(commit) && emptied.has(join(entry, "snapshots", commit))) await Deno.remove(path);
  }
  await removeEmpty(folder);
}

const removeEmpty = (folder: string): Promise<boolean> => Deno.remove(folder).then(() => true, () => false);

/** How a user names the entry that a folder is. */
function entryName(path: string): string {
  const folder = path.slice(dirname(path).length + 1);
  const [kind, ...id] = folder.split("--");
  if (id.length === 0) return folder;
  return (kind === "models" ? id : [kind, ...id]).join("/");
}

async function entry(name: string, path: string, files: readonly string[]): Promise<CacheEntry> {
  const sizes = await Promise.all(files.map(async (file) => {
    const info = await Deno.lstat(file).catch(() => null);
    return info?.isDirectory ? await folderBytes(file) : info?.size ?? 0;
  }));
  const { mtime } = await Deno.stat(path);
  return { name, bytes: sum(sizes), lastUse: mtime ?? new Date(0), path };
}

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
  const ours = (await cacheEntries()).filter(({ name }) => name !== PARTIAL)
    .map(async ({ name, path }) => ({ name, paths: await stampedFiles(path) }));
  const all = [...await Promise.all(ours), ...await theirFiles()];
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

/** The files of Hugging Face's cache, by entry. */
async function theirFiles() {
  const found: { name: string; paths: readonly string[] }[] = [];
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
