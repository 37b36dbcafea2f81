/**
 * What has been fetched, and where it lies: `data/cache/` of the project, or the folder that LAMINA_CACHE names.
 *
 *     models/NAME/FILE.gguf      models of the manifest
 *     packages/NAME-VERSION/     Python packages with benchmark rows
 *     hub/models--OWNER--NAME/   files of the hub, laid out as Hugging Face's own cache: refs/, snapshots/COMMIT/
 *     partial/                   what is being fetched or was interrupted
 *
 * The modification time of an entry's folder is the time of its last use.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { statfs } from "node:fs/promises";
import { formatBytes } from "./progress.ts";

/** Something that was fetched. */
export interface CacheEntry {
  /** As a user names it: "smollm2-135m-instruct-q4_1", "owner/name", "datasets/owner/name", "partial". */
  readonly name: string;
  readonly bytes: number;
  readonly lastUse: Date;
  readonly path: string;
}

/** The folder of everything that is fetched. */
export function cacheFolder(): string {
  return Deno.env.get("LAMINA_CACHE") || fileURLToPath(new URL("../../data/cache", import.meta.url));
}

/** All entries of the cache, by name. */
export async function cacheEntries(): Promise<CacheEntry[]> {
  const root = cacheFolder();
  const entries: CacheEntry[] = [];
  for (const room of ["models", "packages", "hub"]) {
    for (const folder of await subfolders(join(root, room))) {
      entries.push(await entry(entryName(folder), join(root, room, folder)));
    }
  }
  if ((await subfolders(root)).includes("partial")) {
    const partial = await entry("partial", join(root, "partial"));
    if (partial.bytes > 0) entries.push(partial);
  }
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Deletes entries by name, or all of them, and gives what was deleted. An unknown name throws before anything is deleted. */
export async function pruneCache(names: readonly string[] | "all"): Promise<CacheEntry[]> {
  const entries = await cacheEntries();
  const unknown = names === "all"
    ? []
    : names.filter((name) => !entries.some((entry) => entry.name === name));
  if (unknown.length > 0) {
    const known = entries.map((entry) => entry.name).join(", ") || "nothing";
    throw new RangeError(`Cannot prune ${unknown.join(", ")}: not in the cache, expected of: ${known}`);
  }
  const doomed = names === "all" ? entries : entries.filter((entry) => names.includes(entry.name));
  for (const { path } of doomed) await Deno.remove(path, { recursive: true });
  return doomed;
}

/** Marks an entry as used now. A cache that cannot be written to is still a cache. */
export async function touch(folder: string): Promise<void> {
  const now = new Date();
  await Deno.utime(folder, now, now).catch(() => {});
}

/** Runs `work` with a new folder beside the cache's entries, on the same disk, and deletes what is left in it. */
export async function withPartial<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(cacheFolder(), "partial");
  await Deno.mkdir(parent, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: parent });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Moves a finished folder to its place. Where another process has put the same one there meanwhile, that one stays. */
export async function land(folder: string, target: string): Promise<void> {
  await Deno.mkdir(dirname(target), { recursive: true });
  try {
    await Deno.rename(folder, target);
  } catch (error) {
    if (!await isFolder(target)) throw error;
  }
}

/** Writes a small file whole or not at all, also beside another process that writes the same one. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = await Deno.makeTempFile({ dir: dirname(path), prefix: "." });
  await Deno.writeTextFile(temporary, text);
  await Deno.rename(temporary, path);
}

/** Free bytes on the disk of the cache. */
export async function freeBytes(): Promise<number> {
  await Deno.mkdir(cacheFolder(), { recursive: true });
  const { bavail, bsize } = await statfs(cacheFolder());
  return bavail * bsize;
}

/** Throws before the first byte is fetched if the disk cannot take `needed` bytes; gives the free bytes. */
export async function checkDisk(what: string, needed: number): Promise<number> {
  const free = await freeBytes();
  if (needed <= free) return free;
  throw new Error(
    `Cannot fetch ${what}: ${formatBytes(free)} free in ${cacheFolder()}, expected ${formatBytes(needed)}; ` +
      "prune the cache (lamina cache) or set LAMINA_CACHE to a folder on a larger disk",
  );
}

/** Whether a folder is at this path. */
export async function isFolder(path: string): Promise<boolean> {
  return (await statOrNull(path))?.isDirectory ?? false;
}

/** What is at a path, links followed, or null where nothing is. */
export async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    throw error;
  }
}

function entryName(folder: string): string {
  const [kind, ...id] = folder.split("--");
  if (id.length === 0) return folder;
  return (kind === "models" ? id : [kind, ...id]).join("/");
}

async function entry(name: string, path: string): Promise<CacheEntry> {
  const { mtime } = await Deno.stat(path);
  return { name, bytes: await folderBytes(path), lastUse: mtime ?? new Date(0), path };
}

/** Bytes of all files below a folder. What vanishes while it is counted does not count. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const item of Deno.readDir(folder)) {
      const path = join(folder, item.name);
      if (item.isDirectory) bytes += await folderBytes(path);
      else bytes += (await Deno.lstat(path)).size;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return bytes;
}

async function subfolders(folder: string): Promise<string[]> {
  if (!await isFolder(folder)) return [];
  const names: string[] = [];
  for await (const item of Deno.readDir(folder)) if (item.isDirectory) names.push(item.name);
  return names;
}
