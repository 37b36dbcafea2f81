/** Where a path leads, however it is spelt: through links, hard links, folders of two names, and letters of either case. */
import { realpath, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { targetOf } from "./target.ts";
import { temporaryName } from "./temporary.ts";

/** A file or folder, or the place of one that is still to be made. */
export interface Place {
  /** The nearest folder above it that exists, or the file itself if it exists. */
  readonly base: string;
  readonly inode: string;
  /** Names below the base; empty for what exists. */
  readonly rest: string;
}

async function inodeOf(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found && `${found.dev}:${found.ino}`;
}

export async function placeOf(path: string): Promise<Place> {
  let [base, rest] = [(await targetOf(path)).path, ""];
  for (;;) {
    const inode = await inodeOf(base);
    if (inode !== null) return { base, inode, rest };
    const folder = await realpath(dirname(base)).catch(() => dirname(resolve(base)));
    if (folder === base) return { base, inode: "", rest };
    [base, rest] = [folder, rest === "" ? basename(base) : join(basename(base), rest)];
  }
}

export async function isSamePlace(one: Place, other: Place): Promise<boolean> {
  if (one.inode !== other.inode) return false;
  if (one.rest === other.rest) return true;
  return one.rest.toLowerCase() === other.rest.toLowerCase() && await ignoresCase(one.base);
}

/** Whether a folder takes "a" and "A" for one name, which only a file in it shows; false for one that cannot be written. */
async function ignoresCase(folder: string): Promise<boolean> {
  const name = temporaryName();
  try {
    await writeFile(join(folder, name), "", { flag: "wx" });
    return await inodeOf(join(folder, name.toUpperCase())) !== null;
  } catch {
    return false;
  } finally {
    await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

export async function isInside({ base, inode, rest }: Place, folder: Place): Promise<boolean> {
  if (folder.rest !== "") return false;
  let path = await realpath(base).catch(() => null);
  if (path === null || rest === "" && await inodeOf(path) !== inode) return false; // an opened file without a path here
  if (rest === "") path = dirname(path);
  for (;; path = dirname(path)) {
    if (await inodeOf(path) === folder.inode) return true;
    if (dirname(path) === path) return false;
  }
}
