/**
 * The cache of everything that is fetched: the folder that LAMINA_CACHE names, or the usual one (room `home`).
 *
 *     models/NAME/FILE.gguf      models of the manifest
 *     packages/NAME-VERSION/     Python packages with benchmark rows
 *     hub/models--OWNER--NAME/   files of the hub, laid out as Hugging Face's own cache: refs/, snapshots/COMMIT/
 *     partial/                   downloads in progress or interrupted
 *     checked/                   stamps of files in Hugging Face's own cache
 *
 * Every fetched file has a stamp next to it (stamp.ts); nothing else counts as ours. The modification time of an
 * entry's folder is the time of its last use.
 */
import { dirname, join } from "node:path";
import { statfs } from "node:fs/promises";
import { failure, formatBytes, reasonOf } from "../../entry/mod.ts";
import { folderOf } from "../../home/mod.ts";

export const cacheFolder = (): string => folderOf("cache");

/** Marks an entry as used now. A cache that cannot be written to is still a cache. */
export async function touch(folder: string): Promise<void> {
  const now = new Date();
  await Deno.utime(folder, now, now).catch(() => {});
}

/**
 * Moves a finished folder into place. If one is already there (another process was faster, or it is damaged), every file
 * replaces its counterpart in it; nothing else in that folder is touched.
 */
export async function land(folder: string, target: string): Promise<void> {
  await makeFolder(dirname(target));
  try {
    await Deno.rename(folder, target);
  } catch (error) {
    if (!await isFolder(target)) throw error;
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const [from, to] = [join(folder, name), join(target, name)];
      await (isDirectory ? land(from, to) : Deno.rename(from, to));
    }
  }
}

export async function makeFolder(folder: string): Promise<void> {
  await writing("", 0, () => Deno.mkdir(folder, { recursive: true }));
}

/**
 * Runs work that writes to the cache. If the cache is not writable, or its disk fills up before `needed` more bytes of `what`
 * have arrived, throws `Error` that says what to do.
 */
export async function writing<T>(what: string, needed: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFull(error)) throw tooLittle(what, needed, await freeBytes(), error);
    if (!isUnwritable(error)) throw error;
    throw new Error(
      `Cannot write to the cache ${cacheFolder()}: ${reasonOf(error)}, ` +
        "expected a writable folder; set LAMINA_CACHE to one",
      { cause: error },
    );
  }
}

/** Whether the system refuses to write at this place, for any content. */
export const isUnwritable = hasCode("EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST");

/** Whether the system refuses access to another user's files. */
export const isForbidden = hasCode("EACCES", "EPERM");

const isFull = hasCode("ENOSPC", "EDQUOT");
const isAbsent = hasCode("ENOENT", "ENOTDIR", "ENAMETOOLONG");

function hasCode(...codes: string[]): (error: unknown) => boolean {
  return (error) => codes.includes((error as { code?: string } | null)?.code ?? "");
}

/** Free bytes on the disk of the cache, or of another folder. */
export async function freeBytes(folder = cacheFolder()): Promise<number> {
  await makeFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Throws before the first byte is fetched if the disk cannot hold `needed` bytes; returns the free bytes. */
export async function checkDisk(what: string, needed: number): Promise<number> {
  const free = await freeBytes();
  if (needed <= free) return free;
  throw tooLittle(what, needed, free);
}

function tooLittle(what: string, needed: number, free: number, cause?: unknown): Error {
  return new Error(
    `Cannot fetch ${what}: ${formatBytes(free)} free in ${cacheFolder()}, expected ${formatBytes(needed)}; ` +
      "prune the cache (lamina cache) or set LAMINA_CACHE to a folder on a larger disk",
    { cause },
  );
}

export async function isFolder(path: string): Promise<boolean> {
  return (await statOrNull(path))?.isDirectory ?? false;
}

/** The file or folder at a path, links followed; null if nothing is there. */
export async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw failure(`Cannot open ${path}`, error);
  }
}

/** The entries of a folder with their paths; none if it is a link, is missing, or may not be read. */
export async function* entriesIn(folder: string): AsyncGenerator<Deno.DirEntry & { path: string }> {
  try {
    if (!(await Deno.lstat(folder).catch(() => null))?.isDirectory) return;
    for await (const entry of Deno.readDir(folder)) yield { ...entry, path: join(folder, entry.name) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !isForbidden(error)) throw error;
  }
}

/** Everything below a folder but the folders themselves. Links are not followed. */
export async function* filesBelow(folder: string): AsyncGenerator<Deno.DirEntry & { path: string }> {
  for await (const entry of entriesIn(folder)) {
    if (entry.isDirectory) yield* filesBelow(entry.path);
    else yield entry;
  }
}

/** Bytes of all files below a folder. Files that vanish during the count are ignored. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { path } of filesBelow(await Deno.realPath(folder).catch(() => folder))) {
    bytes += await Deno.lstat(path).then(({ size }) => size, () => 0);
  }
  return bytes;
}
