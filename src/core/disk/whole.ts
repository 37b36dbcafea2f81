/**
 * Files written whole or not at all: to a temporary file next to the target, which then takes its place. A target that
 * is not a file on a disk (a pipe, a device) cannot be replaced and is written to.
 */
import { type Stats, writeFile } from "node:fs";
import { access, constants, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { failing, failure } from "../entry/mod.ts";
import { expectGiven, type Target, targetOf } from "./target.ts";
import { removeStrays, temporaryName } from "./temporary.ts";

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** What a file is to hold: text, or bytes part by part. */
export type Content = string | AsyncIterable<Uint8Array>;

type Staged = { readonly path: string; place(): Promise<void>; discard(): Promise<void> };

/**
 * Writes a file; missing folders are made. An existing file keeps its permissions; a link stays, and its target
 * is written. Throws `Error` that names the path; the previous content is then still there.
 * The error has the system's `code`.
 */
export async function writeWhole(path: string, content: Content): Promise<void> {
  await writeTogether([[path, content]]);
}

/** Writes files that belong together, as `writeWhole` writes one: none takes its place before all are on the disk. */
export async function writeTogether(files: readonly (readonly [string, Content])[]): Promise<void> {
  const staged: Staged[] = [];
  try {
    for (const [path, content] of files) {
      staged.push(await stage(path, content).catch(failing(`Cannot write ${path}`)));
    }
    for (const { path, place } of staged) await place().catch(failing(`Cannot write ${path}`));
  } finally {
    for (const { discard } of staged) await discard();
  }
}

/** Puts the content on the disk beside its place. What is no file on a disk (a pipe, a device) is written when its turn comes. */
async function stage(path: string, content: Content): Promise<Staged> {
  const target = await writableTarget(path);
  const there = await stat(target.path).catch(() => null);
  if (there?.isDirectory()) throw new Error("found a folder, expected a file");
  if (target.opened || (there && !there.isFile())) {
    return { path, place: () => writeThrough(target, content), discard: async () => {} };
  }
  const temporary = await stageBeside(target.path, there, content);
  return {
    path,
    place: () => rename(temporary, target.path),
    discard: () => rm(temporary, { force: true }).catch(() => {}),
  };
}

/**
 * Throws `Error` that names the path where no file can be written later: a folder, a place below a file or in a folder that must not
 * be written to, an opened file of another's; and with `onDisk` a device or a pipe. Nothing stays.
 */
export async function checkTarget(
  path: string,
  { onDisk = false }: { readonly onDisk?: boolean } = {},
): Promise<void> {
  try {
    const { path: target, opened } = await writableTarget(path);
    const there = await stat(target).catch((error) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return null; // then its folder is judged
      throw error;
    });
    if (there?.isDirectory()) throw new Error("found a folder, expected a file");
    const stays = opened || there !== null && !there.isFile(); // it is written to, not replaced
    if (stays && onDisk) throw new Error("found a device or a pipe, expected a file on a disk");
    if (!stays) await tryIn(await folderAbove(target));
    else if (!opened) await access(target, constants.W_OK);
  } catch (error) {
    throw failure(`Cannot write ${path}`, error);
  }
}

/** The nearest folder above a path that exists. Throws `Error` for a file there. */
async function folderAbove(path: string): Promise<string> {
  const folder = dirname(path);
  const there = await stat(folder).catch((error) => {
    if (error.code === "ENOENT" && folder !== path) return null;
    throw error;
  });
  if (!there) return await folderAbove(folder);
  if (!there.isDirectory()) throw new Error(`${folder} is a file, expected a folder`);
  return folder;
}

async function writableTarget(path: string): Promise<Target> {
  const target = await targetOf(path);
  if (target.descriptor !== null) await expectGiven(target.descriptor);
  return target;
}

/** Whether a path leads to a file on a disk: reading anything else may never end. */
export async function isFile(path: string): Promise<boolean> {
  return await stat(path).then((found) => found.isFile(), () => false);
}

/** Makes a folder and tries to write into it, before anything is computed for it. Throws `Error` that names it, and what was `expected`. */
export async function checkFolder(folder: string, expected?: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await tryIn(folder);
  } catch (error) {
    const failed = failure(`Cannot write into ${folder}`, error);
    if (expected !== undefined) failed.message += `, ${expected}`;
    throw failed;
  }
}

/** Makes a file in a folder and removes it: permissions do not say that a disk is read-only. */
async function tryIn(folder: string): Promise<void> {
  const file = join(folder, temporaryName());
  await (await open(file, NEW)).close();
  await rm(file);
}

/** Returns the path of a temporary file with the content, and with owner and permissions of the file that it will replace. */
async function stageBeside(target: string, there: Stats | null, content: Content): Promise<string> {
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  await removeStrays(folder);
  const temporary = join(folder, temporaryName());
  try {
    await using file = await open(temporary, NEW);
    for await (const part of partsOf(content)) await file.writeFile(part);
    if (there) {
      await file.chown(there.uid, there.gid).catch(() => {}); // only the superuser can change the owner
      await file.chmod(there.mode & 0o7777);
    }
    await file.sync();
    return temporary;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

function partsOf(content: Content): Iterable<string> | AsyncIterable<Uint8Array> {
  return typeof content === "string" ? [content] : content;
}

/** Appends to an opened file or device, or writes to a standard stream. */
async function writeThrough({ path, descriptor }: Target, content: Content): Promise<void> {
  const isStream = descriptor === 1 || descriptor === 2;
  if (isStream) {
    for await (const part of partsOf(content)) await promisify(writeFile)(descriptor, part);
    return;
  }
  await using file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  for await (const part of partsOf(content)) await file.writeFile(part);
}
