/**
 * Files written whole or not at all: to a temporary file next to the target, which then takes its place. A target that
 * is not a file on a disk (a pipe, a device) cannot be replaced and is written to.
 */
import { type Stats, writeFile } from "node:fs";
import { constants, type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { failing, failure } from "../entry/mod.ts";
import { expectGiven, type Target, targetOf } from "./target.ts";
import { removeStrays, temporaryName } from "./temporary.ts";

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/**
 * Writes text to a path; missing folders are made. An existing file keeps its permissions; a link stays, and its target
 * is written. Throws `Error` that names the path; the previous content is then still there.
 * The error has the system's `code`.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  try {
    const target = await writableTarget(path);
    const there = await stat(target.path).catch(() => null);
    if (there?.isDirectory()) throw new Error("found a folder, expected a file");
    if (target.opened || (there && !there.isFile())) await writeThrough(target, text);
    else await replace(target.path, there, text);
  } catch (error) {
    throw failure(`Cannot write ${path}`, error);
  }
}

/** Throws `Error` that names the path of an opened file that must not be written, before anything is computed for it. */
export async function checkTarget(path: string): Promise<void> {
  await writableTarget(path).catch(failing(`Cannot write ${path}`));
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

/** Makes a folder and tries to write into it, before anything is computed for it. Throws `Error` that names it. */
export async function checkFolder(folder: string): Promise<void> {
  const file = join(folder, temporaryName());
  try {
    await mkdir(folder, { recursive: true });
    await withFile(file, NEW, () => Promise.resolve());
    await rm(file);
  } catch (error) {
    throw failure(`Cannot write into ${folder}`, error);
  }
}

async function replace(target: string, there: Stats | null, text: string): Promise<void> {
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  await removeStrays(folder);
  const temporary = join(folder, temporaryName());
  try {
    await withFile(temporary, NEW, async (file) => {
      await file.writeFile(text);
      if (there) await likeThat(file, there);
      await file.sync();
    });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Copies owner and permissions of the replaced file. Only the superuser can change the owner. */
async function likeThat(file: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  await file.chown(uid, gid).catch(() => {});
  await file.chmod(mode & 0o7777);
}

/** Appends to an opened file or device, or writes to a standard stream. */
async function writeThrough({ path, descriptor }: Target, text: string): Promise<void> {
  if (descriptor === 1 || descriptor === 2) return await promisify(writeFile)(descriptor, text);
  await withFile(path, constants.O_WRONLY | constants.O_APPEND, (file) => file.writeFile(text));
}

async function withFile(
  path: string,
  flags: number,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
