/**
 * Downloads in progress, and the remains of killed processes. A process locks the files that it works on, and its locks end with it:
 * unlocked files belong to nobody. An interrupted download is kept for a week, since it can be resumed; a package that was
 * being unpacked is of no use.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder, entriesIn, isForbidden, makeFolder, statOrNull, writing } from "./cache.ts";
import { pause } from "../retry.ts";

const KEPT = 7 * 24 * 3600 * 1000; // ms: a download that has not been resumed for a week is not resumed
const POLL = 200; // ms between two looks at another process's lock
const DOWNLOAD = /^[0-9a-f]{24}$/;
const LOCK = /^[0-9a-f-]{36}\.lock$/;

export const partialFolder = (): string => join(cacheFolder(), "partial");

/** Where something unfinished is kept: `content` says what it holds, such as an address. */
export function partialPath(content: string): string {
  return join(partialFolder(), createHash("sha256").update(content).digest("hex").slice(0, 24));
}

/** Runs `work` with a new folder beside the cache's entries (or in `partial`), on the same disk, and deletes what is left in it. */
export async function withPartial<T>(
  work: (folder: string) => Promise<T>,
  partial = partialFolder(),
): Promise<T> {
  const folder = join(partial, crypto.randomUUID());
  await makeFolder(partial);
  await sweep({ partial });
  using _lock = await writing("", 0, () => openLocked(`${folder}.lock`));
  try {
    await Deno.mkdir(folder);
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.remove(`${folder}.lock`).catch(() => {});
  }
}

/**
 * Opens a file that this process alone writes to; waits, or ends with the signal, while another one has it. What was at the
 * path when it was opened may be elsewhere when the lock comes: it is then opened again.
 */
export async function openLocked(path: string, signal?: AbortSignal): Promise<Deno.FsFile> {
  while (true) {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      while (!await file.tryLock(true)) await pause(POLL, signal);
      const [mine, there] = [await file.stat(), await statOrNull(path)];
      if (there && there.ino === mine.ino && there.dev === mine.dev) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** Deletes useless files of ended processes; with `all`, also downloads that could be resumed. */
export async function sweep({ all = false, partial = partialFolder() } = {}): Promise<void> {
  for (const { path, lock } of await leftovers(partial)) {
    const info = await statOrNull(path);
    const isOld = Date.now() - (info?.mtime?.getTime() ?? 0) > KEPT;
    const isOfUse = path === lock && info !== null && info.size > 0 && !isOld;
    if (all || !isOfUse) await removeUnlocked(path, lock);
  }
}

/** Each unfinished file or folder, and the file that its process has locked: for a download, the download itself. */
export async function leftovers(folder = partialFolder()) {
  const found: Readonly<Record<"path" | "lock", string>>[] = [];
  for await (const { name, path: lock, isFile } of entriesIn(folder)) {
    if (isFile && DOWNLOAD.test(name)) found.push({ path: lock, lock });
    if (isFile && LOCK.test(name)) found.push({ path: lock.slice(0, -".lock".length), lock });
  }
  return found;
}

/** Deletes a file or folder unless another process holds its lock, or it is another user's. */
async function removeUnlocked(path: string, lock: string): Promise<void> {
  try {
    using file = await Deno.open(lock, { read: true, write: true });
    if (!await file.tryLock(true)) return;
    if (path !== lock && await statOrNull(path)) await Deno.remove(path, { recursive: true });
    await Deno.remove(lock);
  } catch (error) {
    const passed = error instanceof Deno.errors.NotFound || isForbidden(error);
    if (!passed) throw error;
  }
}
