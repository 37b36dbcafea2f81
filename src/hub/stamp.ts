/**
 * SHA-256 of files, remembered. A stamp beside a cached file holds its hash together with the size and time
 * it had; as long as both agree, the file counts as verified and is not read again at the next start.
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { writeWhole } from "./cache.ts";

const CHUNK = 1 << 20;

interface Stamp {
  readonly size: number;
  /** Last modification, ms. */
  readonly mtime: number;
  readonly sha256: string;
}

/** SHA-256 of a file's content as 64 hexadecimal digits. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK);
  while (true) {
    signal?.throwIfAborted();
    const count = await file.read(chunk);
    if (count === null) return hash.digest("hex");
    hash.update(chunk.subarray(0, count));
  }
}

/** Remembers that the file at `path` has this hash now. */
export async function writeStamp(path: string, sha256: string): Promise<void> {
  const { size, mtime } = await Deno.stat(path);
  const stamp: Stamp = { size, mtime: mtime!.getTime(), sha256 };
  await writeWhole(stampPath(path), JSON.stringify(stamp));
}

/** The hash that is remembered of a file, or undefined where there is none or the file has changed since. */
export async function readStamp(path: string): Promise<string | undefined> {
  try {
    const { size, mtime } = await Deno.stat(path);
    const stamp: Partial<Stamp> = JSON.parse(await Deno.readTextFile(stampPath(path)));
    const same = stamp.size === size && stamp.mtime === mtime?.getTime();
    return same && /^[0-9a-f]{64}$/.test(stamp.sha256 ?? "") ? stamp.sha256 : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function stampPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.stamp`);
}
