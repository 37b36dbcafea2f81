/**
 * Stamps of fetched files. A stamp next to a file holds the SHA-256 that its content must have, and
 * the size and time it had; a file with a stamp is ours. `checked` says that the content was read back from the disk since
 * it arrived; as long as size and time agree, it is then not read again.
 *
 * Files of Hugging Face's own cache are stamped in ours: nothing is written there.
 */
import { createHash, type Hash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { cacheFolder, filesBelow, isUnwritable, makeFolder, statOrNull } from "./cache.ts";

const CHUNK = 1 << 20;

interface Stamp {
  readonly size: number;
  /** Last modification, ms. */
  readonly mtime: number;
  readonly sha256: string;
  /** Whether the file was found to have this content. */
  readonly checked: boolean;
}

/** Stamps that could not be written: a cache that this user may only read is hashed once in a process. */
const held = new Map<string, Stamp>();

/** Hash of a file's content, as hexadecimal digits: SHA-256 unless another one is begun. */
export async function hashFile(
  path: string,
  { signal, hash = createHash("sha256"), onBytes }: HashOptions = {},
): Promise<string> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const chunk = new Uint8Array(Math.min(CHUNK, size + 1)); // a small file in one piece, and its end
  for (let done = 0;;) {
    signal?.throwIfAborted();
    const count = await file.read(chunk);
    if (count === null) return hash.digest("hex");
    hash.update(chunk.subarray(0, count));
    onBytes?.(done += count);
  }
}

export interface HashOptions {
  signal?: AbortSignal | undefined;
  hash?: Hash | undefined;
  onBytes?: ((done: number) => void) | undefined;
}

/** Begins the hash that git gives a file of this size, and the hub its small files. */
export const gitHash = (size: number): Hash => createHash("sha1").update(`blob ${size}\0`);

/** Remembers what a file is, or must be once it is moved here. If the cache cannot be written to, this process remembers it alone. */
export async function writeStamp(path: string, sha256: string, checked: boolean, from = path): Promise<void> {
  const { size, mtime } = await Deno.stat(from);
  const place = from === path ? await stampPath(path) : besidePath(path); // a link at `path` will be gone
  await keep(place, { size, mtime: mtime!.getTime(), sha256, checked });
}

/** Has the file read again when it is next opened. */
export async function doubt(path: string): Promise<void> {
  const stamp = await readStamp(path);
  if (stamp?.checked) await keep(await stampPath(path), { ...stamp, checked: false });
}

/** Writes a stamp, in place: of one that is torn, the file is read again. To wait for the disk takes longer than to read a small file. */
async function keep(place: string, stamp: Stamp): Promise<void> {
  try {
    await makeFolder(dirname(place));
    await Deno.writeTextFile(place, JSON.stringify(stamp));
    held.delete(place);
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    held.set(place, stamp);
  }
}

export async function readStamp(path: string): Promise<Stamp | undefined> {
  const place = await stampPath(path);
  if (held.has(place)) return held.get(place);
  try {
    const { size, mtime, sha256, checked } = JSON.parse(await Deno.readTextFile(place)) ?? {};
    const valid = Number.isSafeInteger(size) && typeof mtime === "number" && /^[0-9a-f]{64}$/.test(sha256);
    return valid ? { size, mtime, sha256, checked: checked === true } : undefined;
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound || isUnwritable(error); // or another user's, not for us
    if (absent || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The verified SHA-256 of a file that has not changed since. */
export async function provenHash(path: string): Promise<string | undefined> {
  const [stamp, info] = [await readStamp(path), await statOrNull(path)];
  return stamp && info && isProven(stamp, info) ? stamp.sha256 : undefined;
}

/** Whether a file with this stamp need not be read again. */
export function isProven({ checked, size, mtime }: Stamp, info: Deno.FileInfo): boolean {
  return checked && size === info.size && mtime === info.mtime?.getTime();
}

/** The name that Hugging Face's cache gives the content of a file that lies there: its hash. */
export async function blobName(path: string): Promise<string | undefined> {
  const blob = await blobPath(path);
  return blob && basename(blob);
}

/** In Hugging Face's cache a file is a link to `blobs/HASH`; undefined for every other file. */
async function blobPath(path: string): Promise<string | undefined> {
  const link = await Deno.lstat(path).then(({ isSymlink }) => isSymlink, () => false);
  if (!link && basename(dirname(path)) !== "blobs") return undefined;
  const target = await Deno.realPath(path).catch(() => path);
  const named = basename(dirname(target)) === "blobs" &&
    /^([0-9a-f]{64}|[0-9a-f]{40})$/.test(basename(target));
  return named ? target : undefined;
}

async function stampPath(path: string): Promise<string> {
  const blob = await blobPath(path);
  if (blob === undefined) return besidePath(path);
  const key = createHash("sha256").update(blob).digest("hex").slice(0, 24);
  return join(cacheFolder(), "checked", `${key}.stamp`);
}

const besidePath = (path: string): string => join(dirname(path), `.${basename(path)}.stamp`);

/** Files below a folder that have a stamp, whether they are still there or not. Links are not followed. */
export async function stampedFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, path, isFile } of filesBelow(folder)) {
    const [, stamped] = /^\.(.+)\.stamp$/.exec(name) ?? [];
    if (isFile && stamped) files.push(join(dirname(path), stamped));
  }
  return files.sort();
}

/** Deletes a file that has a stamp, and the stamp: last, so that what is left after a failure is still ours. */
export async function removeStamped(path: string): Promise<void> {
  for (const doomed of [path, besidePath(path)]) {
    await Deno.remove(doomed).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}
