/**
 * One file from a server onto this machine: resumed where an earlier attempt ended, checked, put in place by a
 * rename. The unfinished file is named after its address, which contains a commit, and is locked while it grows: a
 * second process waits and finds the file in place.
 */
import { createHash, type Hash } from "node:crypto";
import { dirname } from "node:path";
import { makeFolder, statOrNull, writing } from "../cache/cache.ts";
import { damageOf } from "../cache/damage.ts";
import { type HttpOptions, readRange } from "./http.ts";
import type { RemoteFile } from "./hub_api.ts";
import { openLocked, partialFolder, partialPath, sweep } from "../cache/partial.ts";
import { gitHash, writeStamp } from "../cache/stamp.ts";

type Expected = Omit<RemoteFile, "path">;

/**
 * Fetches `url` to `target`. `onBytes` receives how much of the file is here. Throws `Error` if size or hash differ from what
 * is expected; nothing is then left at `target`. If the disk is full or the signal aborts, what has arrived is kept.
 */
export async function download(
  url: string,
  target: string,
  expected: Expected,
  options: HttpOptions & { onBytes?: (done: number) => void },
): Promise<void> {
  const name = options.name ?? url;
  const partial = partialPath(url);
  await makeFolder(partialFolder());
  await makeFolder(dirname(target));
  await sweep();
  using file = await writing(name, expected.size, () => openLocked(partial, options.signal));
  const isThere = (await statOrNull(target))?.size === expected.size && await damageOf(target) === null;
  if (isThere) return await Deno.remove(partial); // another process was faster
  const sha256 = await arrive(url, file, expected, options);
  await writing(name, 0, async () => {
    await file.sync();
    await makeFolder(dirname(target)); // again: the cache may have been pruned meanwhile
    await writeStamp(target, sha256, false, partial); // first: a file without a stamp would be nobody's
    await Deno.rename(partial, target);
  });
}

/**
 * Completes the file, and returns its SHA-256. If the hash is wrong and the remains of an earlier attempt may be why, all of
 * it is fetched again, once.
 */
async function arrive(
  url: string,
  file: Deno.FsFile,
  expected: Expected,
  options: HttpOptions & { onBytes?: (done: number) => void },
): Promise<string> {
  const name = options.name ?? url;
  const { sha256: large, blob } = expected; // git's hash too where that is the one to compare
  const gits = large === undefined && blob !== undefined ? [gitHash(expected.size)] : [];
  const hashes = [createHash("sha256"), ...gits];
  const kept = await readBack(file, expected.size, hashes);
  const range = { start: kept, end: expected.size, size: expected.size, ranged: false };
  let done = kept;
  for await (const chunk of readRange(url, range, options)) {
    for (const hash of hashes) hash.update(chunk);
    await writing(name, expected.size - done, () => writeAll(file, chunk));
    options.onBytes?.(done += chunk.length);
  }
  const [sha256, git] = hashes.map((hash) => hash.digest("hex"));
  const [found, hash] = git === undefined ? [sha256, large] : [git, blob];
  if (hash === undefined || found === hash) return sha256;
  await file.truncate(0);
  await file.seek(0, Deno.SeekMode.Start);
  if (kept > 0) return await arrive(url, file, expected, options);
  throw new Error(`Cannot use ${name}: found hash ${found}, expected ${hash}`);
}

async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
}

/** Feeds the hashes with the bytes of an earlier attempt, and returns their number. */
async function readBack(file: Deno.FsFile, size: number, hashes: Hash[]): Promise<number> {
  if ((await file.stat()).size > size) await file.truncate(0);
  const chunk = new Uint8Array(1 << 20);
  for (let done = 0;;) {
    const count = await file.read(chunk);
    if (count === null) return done;
    for (const hash of hashes) hash.update(chunk.subarray(0, count));
    done += count;
  }
}
