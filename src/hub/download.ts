/**
 * One file from a server onto this machine: resumed where an earlier attempt ended, checked, put in place by a
 * rename. The unfinished file is named after its address, which holds a commit, and is locked while it grows: a
 * second process waits and finds the file in place.
 */
import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import { cacheFolder, statOrNull } from "./cache.ts";
import { type HttpOptions, readRange } from "./http.ts";
import { writeStamp } from "./stamp.ts";

/** What is known of a file before it arrives. */
export interface Expected {
  readonly size: number;
  /** SHA-256 of the content (large files), 64 hexadecimal digits. */
  readonly sha256?: string;
  /** Git's hash of the content (small files), 40 hexadecimal digits. */
  readonly blob?: string;
}

/**
 * Fetches `url` to `target`. `onBytes` hears how much of the file is here. Throws `Error` where size or hash are not as
 * expected; nothing is then left at `target`.
 */
export async function download(
  url: string,
  target: string,
  expected: Expected,
  options: HttpOptions & { onBytes?: (done: number) => void },
): Promise<void> {
  const partial = join(cacheFolder(), "partial", createHash("sha256").update(url).digest("hex").slice(0, 24));
  await Deno.mkdir(dirname(partial), { recursive: true });
  await Deno.mkdir(dirname(target), { recursive: true });
  using file = await Deno.open(partial, { read: true, write: true, create: true });
  await file.lock(true);
  if ((await statOrNull(target))?.size === expected.size) return;
  const hash = startHash(expected);
  let done = await readBack(file, expected.size, hash);
  for await (
    const chunk of readRange(
      url,
      { start: done, end: expected.size, size: expected.size, ranged: false },
      options,
    )
  ) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    options.onBytes?.(done += chunk.length);
  }
  const found = hash.digest("hex");
  const wanted = expected.sha256 ?? expected.blob;
  if (wanted !== undefined && found !== wanted) {
    await file.truncate(0);
    throw new Error(`Cannot use ${options.name ?? url}: hash ${found} arrived, expected ${wanted}`);
  }
  await file.sync();
  await Deno.rename(partial, target);
  if (expected.sha256 !== undefined) await writeStamp(target, expected.sha256);
}

/** Feeds the hash with what an earlier attempt left, and gives its length. */
async function readBack(file: Deno.FsFile, size: number, hash: Hash): Promise<number> {
  if ((await file.stat()).size > size) await file.truncate(0);
  const chunk = new Uint8Array(1 << 20);
  for (let done = 0;;) {
    const count = await file.read(chunk);
    if (count === null) return done;
    hash.update(chunk.subarray(0, count));
    done += count;
  }
}

function startHash(expected: Expected): Hash {
  if (expected.sha256 !== undefined || expected.blob === undefined) return createHash("sha256");
  return createHash("sha1").update(`blob ${expected.size}\0`);
}
